// What does not succeed: retries, budgets, dead letters, lost workers.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Failing : public testing::Test {
 protected:
  Failing() {
    talk.producer("p");
    talk.worker("w", {"mail"});
  }
  Conversation talk;
};

TEST_F(Failing, AFailedJobRunsAgainAfterItsBackoff) {
  talk.submit("p", "mail");
  EXPECT_EQ(talk.report("w", "1#1", {}), "acked w");
  EXPECT_EQ(talk.state(1), "scheduled");
  EXPECT_EQ(talk.pass(999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#2");
  EXPECT_EQ(talk.report("w", "1#2", {}), "acked w");
  EXPECT_EQ(talk.pass(1999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#3");
}

TEST_F(Failing, JitterChangesTheBackoffWithinItsBounds) {
  Spec spec = Put::default_spec();
  spec.backoff.jitter = 0.5F;
  talk.submit("p", "mail", {.count = 20, .spec = spec});
  std::set<Wall> times;
  for (int job = 1; job <= 20; ++job) {
    talk.report("w", std::to_string(job) + "#1", {});
    const auto due = talk.driver.core->job(static_cast<JobId>(job))->due.value() - talk.driver.now.wall;
    EXPECT_GE(due, 500ms);
    EXPECT_LE(due, 1500ms);
    times.insert(talk.driver.now.wall + due);
  }
  EXPECT_GT(times.size(), 15U);
}

TEST_F(Failing, AfterItsLastAttemptItIsADeadLetterAndCountsAsFailed) {
  Spec spec = Put::default_spec();
  spec.attempts = 1;
  talk.submit("p", "mail", {.spec = spec, .watch = true});
  EXPECT_EQ(talk.report("w", "1#1", {}), "acked w; outcomes p 1=failed");
  EXPECT_EQ(talk.counts("mail"), "failed=1");
  EXPECT_EQ(talk.driver.core->job(1)->last_failure->message, "no");
  EXPECT_TRUE(talk.driver.released.empty()) << "its payload is kept";
}

TEST_F(Failing, ARejectedJobIsNotRetried) {
  talk.submit("p", "mail");
  talk.report("w", "1#1", {.kind = Kind::rejected, .code = Code::unknown_handler});
  EXPECT_EQ(talk.state(1), "failed");
}

TEST_F(Failing, ACrashRunsAgainAtOnceBeforeItsNeighboursAndHasABudgetOfItsOwn) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.submit("p", "mail", 2);
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Kind::crashed}), "acked w; dispatch w 1#2");
  EXPECT_EQ(talk.report("w", "1#2", {.kind = Kind::crashed}), "acked w; dispatch w 1#3");
  EXPECT_EQ(talk.report("w", "1#3", {.kind = Kind::crashed, .code = Code::process_died}),
            "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.state(1), "failed");
  EXPECT_EQ(talk.driver.core->job(1)->crashes, 3U);
}

TEST_F(Failing, AReleasedJobCostsNothing) {
  Spec spec = Put::default_spec();
  spec.attempts = spec.crash_attempts = 1;
  talk.submit("p", "mail", {.spec = spec});
  for (int attempt = 1; attempt <= 20; ++attempt) {
    talk.report("w", "1#" + std::to_string(attempt), {.kind = Kind::released});
  }
  EXPECT_EQ(talk.finish("w", "1#21"), "acked w");
}

TEST_F(Failing, ADeadLetterCanBeRetriedWithAllItsAttempts) {
  talk.submit("p", "mail");
  talk.report("w", "1#1", {.kind = Kind::rejected});
  EXPECT_EQ(talk.admin("p", broker::Retry{{1}}), "done p 1; dispatch w 1#2");
  EXPECT_EQ(talk.counts("mail"), "running=1");
  EXPECT_EQ(talk.driver.core->job(1)->failures, 0U);
  EXPECT_EQ(talk.finish("w", "1#2"), "acked w");
  EXPECT_EQ(talk.counts("mail"), "succeeded=1");
}

TEST_F(Failing, DeadLettersCanBeDeleted) {
  talk.submit("p", "mail", 2);
  talk.report("w", "1#1", {.kind = Kind::rejected});
  EXPECT_EQ(talk.admin("p", broker::Delete{{2}}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::Bulk{broker::BulkVerb::remove, {.queue = "mail"}}), "done p 1");
  EXPECT_EQ(talk.state(1), "failed") << "still remembered as an outcome";
  EXPECT_EQ(talk.driver.released.size(), 1U);
  EXPECT_EQ(talk.admin("p", broker::Retry{{1}}), "refused p invalid_state");
}

TEST_F(Failing, TheJobsOfALostWorkerRunElsewhereInTheirOrder) {
  talk.submit("p", "mail", 3);
  talk.disconnect("w");
  talk.worker("v", {"mail"}, {.capacity = 2});
  EXPECT_EQ(talk.pass(999ms), "");
  EXPECT_EQ(talk.pass(1ms), "gone w; dispatch v 1#2 2#2");
}

TEST_F(Failing, AWorkerThatIsSilentForItsLeaseIsLost) {
  talk.submit("p", "mail");
  talk.pass(14s);
  talk.driver.core->heard(talk.driver.now, talk.id("w"));
  EXPECT_EQ(talk.pass(14s), "");
  EXPECT_EQ(talk.pass(1s), "gone w");
  EXPECT_EQ(talk.state(1), "ready");
  EXPECT_EQ(talk.finish("w", "1#1"), "refused w no_session");
}

TEST_F(Failing, AWorkerThatSaysGoodbyeGivesItsJobsBackAtOnce) {
  talk.submit("p", "mail");
  talk.worker("v", {"mail"});
  EXPECT_EQ(talk.disconnect("w", true), "gone w; dispatch v 1#2");
  EXPECT_EQ(talk.driver.core->job(1)->losses, 0U);
}

TEST_F(Failing, AJobThatKeepsLosingItsWorkersIsBuried) {
  Conversation some({.lost_attempts = 2});
  some.producer("p");
  some.submit("p", "mail");
  for (const char* name : {"a", "b"}) {
    some.worker(name, {"mail"});
    some.disconnect(name);
    some.pass(1s);
  }
  EXPECT_EQ(some.state(1), "failed");
  EXPECT_EQ(some.driver.core->job(1)->last_failure->code, Code::worker_lost);
}

TEST_F(Failing, ALateFinishOfAnEarlierDeliveryIsStale) {
  talk.submit("p", "mail");
  talk.disconnect("w");
  talk.pass(1s);
  talk.worker("v", {"mail"});
  EXPECT_EQ(talk.worker("w", {"mail"}, {.held = "1#1"}), "welcome w; revoke w stale_delivery 1#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w refused 1#1");
  EXPECT_EQ(talk.finish("v", "1#2"), "acked v");
}

}  // namespace
}  // namespace joinery::tests
