// Retries and time: kinds of backoff, errors that end a job, deadlines, and changes to jobs that wait.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Retries : public testing::Test {
 protected:
  Retries() {
    talk.producer("p");
    talk.worker("w", {"mail", "other"});
  }
  std::int64_t in(Duration time) const { return (talk.driver.now.wall.time_since_epoch() + time) / 1ms; }
  Conversation talk;
};

TEST_F(Retries, AListOfDelaysIsFollowedAndItsLastOneRepeats) {
  Spec spec = Put::default_spec();
  spec.attempts = 4;
  spec.backoff.list_ms = {100, 3000};
  talk.submit("p", "mail", {.spec = spec});
  talk.report("w", "1#1", {});
  EXPECT_EQ(talk.pass(99ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#2");
  for (const char* token : {"1#2", "1#3"}) {
    talk.report("w", token, {});
    EXPECT_EQ(talk.pass(2999ms), "");
    EXPECT_THAT(talk.pass(1ms), testing::StartsWith("dispatch w"));
  }
}

TEST_F(Retries, AFixedBackoffStaysTheSameAlsoAfterACrashOfTheBroker) {
  Spec spec = Put::default_spec();
  spec.backoff.factor = 1;
  talk.submit("p", "mail", {.spec = spec});
  for (const char* token : {"1#1", "1#2"}) {
    talk.report("w", token, {});
    talk.driver.checkpoint();
    talk.crash();
    talk.worker("w", {"mail"});
    EXPECT_EQ(talk.pass(999ms), "");
    EXPECT_THAT(talk.pass(1ms), testing::StartsWith("dispatch w"));
  }
}

TEST_F(Retries, AnErrorOfATypeThatIsNotRetriedEndsTheJob) {
  Spec spec = Put::default_spec();
  spec.no_retry = {"KeyError", "type"};
  talk.submit("p", "mail", {.spec = spec});
  talk.report("w", "1#1", {});  // of type "type"
  EXPECT_EQ(talk.state(1), "failed");
}

TEST_F(Retries, AJobThatWaitsAtItsDeadlineExpiresAlsoBetweenAttempts) {
  talk.submit("p", "mail", {.deadline_ms = {in(1500ms)}});
  talk.report("w", "1#1", {});
  talk.pass(1s);
  talk.report("w", "1#2", {});
  talk.driver.checkpoint();
  talk.crash();
  talk.pass(499ms);
  EXPECT_EQ(talk.state(1), "scheduled");
  talk.pass(1ms);
  EXPECT_EQ(talk.state(1), "expired");
}

TEST_F(Retries, AJobThatRunsAtItsDeadlineIsToldToStopAndExpires) {
  talk.submit("p", "mail", {.deadline_ms = {in(1s)}, .watch = true});
  EXPECT_EQ(talk.pass(1s), "revoke w cancelled 1#1");
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Kind::cancelled}), "acked w; outcomes p 1=expired");
}

TEST_F(Retries, AWaitingJobGetsAnotherPriority) {
  talk.admin("p", broker::Configure{"urgent", {.mode = Mode::priority}});
  talk.submit("p", "urgent", {.count = 3, .priority = {1, 2, 3}});
  EXPECT_EQ(talk.admin("p", broker::Update{{3}, -1, {}}), "done p 1");
  EXPECT_EQ(talk.worker("v", {"urgent"}), "welcome v; dispatch v 3#1 1#1 2#1");
}

TEST_F(Retries, APriorityIsRefusedWhereNobodyLooksAtIt) {
  talk.submit("p", "shelf");
  EXPECT_EQ(talk.admin("p", broker::Update{{1}, -1, {}}), "refused p invalid_state");
}

TEST_F(Retries, AWaitingJobGetsAnotherTimeAndARunningOneDoesNot) {
  talk.submit("p", "mail", {.delay_ms = {60'000}});
  EXPECT_EQ(talk.admin("p", broker::Update{{1}, {}, in(2s)}), "done p 1");
  talk.driver.checkpoint();
  talk.crash();
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.pass(1999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#1");
  EXPECT_EQ(talk.admin("p", broker::Update{{1}, {}, in(2s)}), "refused p invalid_state");
}

TEST_F(Retries, AJobThatHasEndedIsNotUpdatedAndIsNoUnknownOne) {
  talk.submit("p", "mail");
  talk.worker("w", {"mail"});
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.admin("p", broker::Update{{1}, {}, in(2s)}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1}, "post"}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::Update{{77}, {}, in(2s)}), "refused p unknown_job");
}

TEST_F(Retries, ATimeThatIsOverMeansNow) {
  talk.submit("p", "mail", {.delay_ms = {60'000}});
  EXPECT_EQ(talk.admin("p", broker::Update{{1}, {}, in(-1s)}), "done p 1; dispatch w 1#1");
}

TEST_F(Retries, JobsMoveToAnotherQueueWithTheirCountsAndClaims) {
  talk.submit("p", "shelf", {.unique_key = {"a"}});
  talk.submit("p", "shelf", {.delay_ms = {1000}});
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1, 2}, "box"}), "done p 2");
  EXPECT_EQ(talk.counts("shelf"), "");
  EXPECT_EQ(talk.counts("box"), "scheduled=1 ready=1");
  EXPECT_EQ(talk.submit("p", "shelf", {.unique_key = {"a"}}), "accepted p 3");
  EXPECT_EQ(talk.submit("p", "box", {.unique_key = {"a"}}), "accepted p duplicate_job");
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{3}, "box"}), "refused p duplicate_job");
  talk.crash();
  EXPECT_EQ(talk.counts("box"), "scheduled=1 ready=1");
  EXPECT_EQ(talk.worker("v", {"box"}), "welcome v; dispatch v 1#1");
}

TEST_F(Retries, AMoveRespectsMaxsizeAndLeavesRunningJobs) {
  talk.admin("p", broker::Configure{"box", {.maxsize = 1}});
  talk.submit("p", "shelf", 2);
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1, 2}, "box"}), "refused p queue_full");
  talk.submit("p", "mail");
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{3}, "box"}), "refused p invalid_state");
}

TEST_F(Retries, NoTwoJobsOfAUniqueKeyMoveToOneQueue) {
  talk.submit("p", "shelf", {.unique_key = {"a"}});
  talk.submit("p", "box", {.unique_key = {"a"}});
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1, 2}, "new"}), "refused p duplicate_job");
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1}, "new"}), "done p 1");
}

TEST_F(Retries, ADeadLetterMovesAndItsOldQueueCanBeJoined) {
  Spec spec = Put::default_spec();
  spec.attempts = 1;
  talk.submit("p", "mail", {.spec = spec});
  talk.report("w", "1#1", {});
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1}, "other"}), "done p 1");
  EXPECT_EQ(talk.counts("other"), "failed=1");
  EXPECT_EQ(talk.admin("p", broker::Retry{{1}}), "done p 1; dispatch w 1#2");
}

}  // namespace
}  // namespace joinery::tests
