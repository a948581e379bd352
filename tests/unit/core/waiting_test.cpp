// join, watch, batches, children.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Waiting : public testing::Test {
 protected:
  Waiting() {
    talk.producer("p");
    talk.worker("w", {"mail"});
  }
  Conversation talk;
};

TEST_F(Waiting, JoinOfAQueueIsAnsweredOnceNothingIsUnfinished) {
  talk.submit("p", "mail", 2);
  EXPECT_EQ(talk.join("p", {.queue = "mail", .jobs = {}}), "");
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; joined p succeeded=2");
  EXPECT_EQ(talk.join("p", {.queue = "mail", .jobs = {}}), "joined p succeeded=2");
}

TEST_F(Waiting, JoinOfABatchCountsHowItsJobsEnded) {
  EXPECT_EQ(talk.admin("p", broker::OpenBatch{"night"}), "done p 1");
  talk.submit("p", "mail", {.count = 3, .batch = 1});
  talk.submit("p", "mail");
  talk.join("p", {.queue = {}, .batch = 1, .jobs = {}});
  talk.finish("w", "1#1");
  talk.report("w", "2#1", {.kind = Kind::rejected});
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = {}, .jobs = {3}}}), "revoke w cancelled 3#1; done p 1");
  EXPECT_EQ(talk.report("w", "3#1", {.kind = Kind::cancelled}),
            "acked w; joined p succeeded=1 failed=1 cancelled=1");
}

TEST_F(Waiting, ChildrenJoinTheirParentsBatchBeforeItsFinishCounts) {
  talk.admin("p", broker::OpenBatch{});
  talk.submit("p", "mail", {.batch = 1});
  talk.join("p", {.queue = {}, .batch = 1, .jobs = {}});
  EXPECT_EQ(talk.succeed_with_child("w", "1#1", "mail"), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.driver.core->job(2)->parent, 1U);
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; joined p succeeded=2");
}

TEST_F(Waiting, ChildrenOfAStaleReportAreRefusedWithIt) {
  talk.submit("p", "mail");
  talk.report("w", "1#1", {.kind = Kind::released});
  EXPECT_EQ(talk.succeed_with_child("w", "1#1", "mail"), "acked w refused 1#1");
  EXPECT_EQ(talk.driver.core->next_job(), 2U);
}

TEST_F(Waiting, JoinOfJobsCountsThoseThatAlreadyEnded) {
  talk.submit("p", "mail", 3);
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.join("p", {.queue = {}, .jobs = {1, 2}}), "");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; joined p succeeded=2");
  EXPECT_EQ(talk.join("p", {.queue = {}, .jobs = {99}}), "refused p unknown_job");
}

TEST_F(Waiting, ASubmitterThatWatchesIsToldEachOutcome) {
  talk.submit("p", "mail", {.count = 2, .watch = true});
  EXPECT_EQ(talk.finish("w", "1#1 2#1"), "acked w; outcomes p 1=succeeded 2=succeeded");
}

TEST_F(Waiting, ALateWatcherIsAnsweredAtOnce) {
  talk.submit("p", "mail", 2);
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.watch("p", {1, 2, 77}), "outcomes p 1=succeeded 77=unknown");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; outcomes p 2=succeeded");
}

TEST_F(Waiting, OutcomesWaitForASessionThatIsAway) {
  talk.submit("p", "mail", {.watch = true});
  talk.disconnect("p");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.producer("p"), "resumed p; outcomes p 1=succeeded");
}

TEST_F(Waiting, WhoForgetsIsNotTold) {
  talk.submit("p", "mail");
  talk.driver.apply(broker::Join{talk.id("p"), 50, {.queue = "mail", .jobs = {}}});
  talk.driver.apply(broker::Forget{talk.id("p"), 50});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
}

TEST_F(Waiting, UnknownTargetsAreRefused) {
  EXPECT_EQ(talk.join("p", {.queue = "none", .jobs = {}}), "refused p unknown_queue");
  EXPECT_EQ(talk.join("p", {.queue = {}, .batch = 9, .jobs = {}}), "refused p unknown_batch");
  EXPECT_EQ(talk.join("p", {}), "refused p invalid_argument");
  EXPECT_EQ(talk.submit("p", "mail", {.batch = 9}), "accepted p unknown_batch");
  EXPECT_EQ(talk.submit("stranger", "mail"), "refused stranger no_session");
  EXPECT_EQ(talk.finish("p", "1#1"), "refused p wrong_role");
}

TEST_F(Waiting, AJobSubmittedByADeliveryBelongsToItsBatch) {
  talk.admin("p", broker::OpenBatch{});
  talk.submit("p", "mail", {.batch = 1});
  EXPECT_EQ(talk.submit("w", "mail", {.under = {1, 1, 1}}), "accepted w 2; dispatch w 2#1");
  EXPECT_EQ(talk.driver.core->job(2)->batch, 1U);
  EXPECT_EQ(talk.submit("w", "mail", {.under = {1, 2, 1}}), "refused w stale_delivery");
}

TEST_F(Waiting, FinishedBatchesAreForgottenOldestFirst) {
  Conversation some({.batches_kept = 2});
  some.producer("p");
  some.admin("p", broker::OpenBatch{});
  some.submit("p", "mail", {.batch = 1});
  for (int i = 0; i < 3; ++i) some.admin("p", broker::OpenBatch{});
  EXPECT_TRUE(some.driver.core->batch(1)) << "it has an unfinished job";
  EXPECT_FALSE(some.driver.core->batch(2));
  EXPECT_TRUE(some.driver.core->batch(4));
}

}  // namespace
}  // namespace joinery::tests
