// Queues: maxsize and parked puts, pause, purge, cancel, unique keys, refusal of puts.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class Queues : public testing::Test {
 protected:
  Queues() {
    talk.producer("p");
    talk.admin("p", broker::Configure{"small", {.maxsize = 2}});
  }
  Conversation talk;
};

TEST_F(Queues, APutToAFullQueueIsParkedUntilThereIsRoomForAllOfIt) {
  EXPECT_EQ(talk.submit("p", "small", 3), "");
  EXPECT_EQ(talk.counts("small"), "parked=1 ready=2");
  EXPECT_EQ(talk.worker("w", {"small"}, {.capacity = 1}), "welcome w; dispatch w 1#1; accepted p 1..3");
}

TEST_F(Queues, ParkedPutsAreAdmittedInTheirOrder) {
  talk.producer("q");
  talk.submit("p", "small", 4);
  EXPECT_EQ(talk.submit("q", "small", 1), "") << "behind the other's, though nothing of its own is too much";
  talk.worker("w", {"small"}, {.capacity = 1});
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1; accepted q 5");
}

// A simulation found that such a delay went by the wall clock (scripts/simulate, seed 883).
TEST_F(Queues, TheDelayOfAParkedJobPassesOnTheMonotonicClock) {
  talk.submit("p", "small", 2);
  EXPECT_EQ(talk.submit("p", "small", {.count = 2, .delay_ms = {300, 1000}}), "");
  talk.driver.now.wall -= 1h;  // the wall clock jumps
  EXPECT_EQ(talk.pass(400ms), "");
  EXPECT_EQ(talk.worker("w", {"small"}, {.capacity = 2}), "welcome w; dispatch w 1#1 2#1; accepted p 3..4");
  talk.driver.now.wall += 2h;
  EXPECT_EQ(talk.finish("w", "1#1 2#1"), "acked w; dispatch w 3#1") << "its delay was over before";
  EXPECT_EQ(talk.pass(599ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 4#1");
}

TEST_F(Queues, ARunAtOfAParkedJobGoesByTheWallClock) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "small", 2);
  talk.submit("p", "small", {.run_at_ms = {now_ms + 60'000}});
  EXPECT_EQ(talk.worker("w", {"small"}), "welcome w; dispatch w 1#1 2#1; accepted p 3");
  talk.driver.now.wall += 1min;
  EXPECT_EQ(talk.pass(0ms), "dispatch w 3#1");
}

TEST_F(Queues, APutThatDoesNotFitIsRefusedWhole) {
  EXPECT_EQ(talk.submit("p", "small", {.count = 3, .when_full = broker::WhenFull::refuse}),
            "accepted p queue_full");
  EXPECT_EQ(talk.submit("p", "small", {.count = 2, .when_full = broker::WhenFull::refuse}),
            "accepted p 1..2");
}

TEST_F(Queues, AParkedPutThatTimesOutLeavesNothingBehind) {
  EXPECT_EQ(talk.submit("p", "small", {.count = 3, .timeout = 2s}), "");
  EXPECT_EQ(talk.pass(1999ms), "");
  EXPECT_EQ(talk.pass(1ms), "accepted p queue_full");
  EXPECT_EQ(talk.counts("small"), "cancelled=2");
}

// Found by simulation: a join of such a job never returned.
TEST_F(Queues, WhoWaitsForAParkedJobIsToldThatThereIsNoneWhenItIsGivenUp) {
  talk.producer("q");
  talk.submit("p", "small", {.count = 3, .timeout = 2s});
  EXPECT_EQ(talk.join("q", {.queue = {}, .jobs = {1, 3}}), "");
  EXPECT_EQ(talk.watch("q", {3}), "");
  const std::string said = talk.pass(2s);
  EXPECT_THAT(said, testing::HasSubstr("joined q cancelled=1"));
  EXPECT_THAT(said, testing::HasSubstr("3=unknown"));
}

TEST_F(Queues, AParkedPutOfASenderThatStaysAwayIsWithdrawn) {
  talk.producer("q");
  talk.submit("p", "small", 2);
  talk.submit("q", "small", {.sequence = 7});
  talk.disconnect("q");
  talk.pass(14s);
  EXPECT_EQ(talk.counts("small"), "parked=1 ready=2") << "it may still return";
  talk.pass(2s);
  EXPECT_EQ(talk.counts("small"), "ready=2");
  talk.producer("q");
  EXPECT_EQ(talk.submit("q", "small", {.sequence = 7}), "accepted q queue_full");
}

TEST_F(Queues, AParkedPutOfASenderThatReturnsGoesOnWaiting) {
  talk.producer("q");
  talk.submit("p", "small", 2);
  talk.submit("q", "small");
  talk.disconnect("q");
  talk.pass(14s);
  talk.producer("q");
  talk.pass(10s);
  EXPECT_EQ(talk.counts("small"), "parked=1 ready=2");
}

TEST_F(Queues, WhatHasEndedCanNeitherBeCancelledNorRetried) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 2);
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = {}, .jobs = {1}}}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::Retry{{1}}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::Delete{{1}}), "refused p invalid_state");
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = {}, .jobs = {1, 2}}}),
            "revoke w cancelled 2#1; done p 1");
}

TEST_F(Queues, DeadLettersAreListedOnlyIfAskedFor) {
  Put once;
  once.spec.attempts = 1;
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", once);
  talk.report("w", "1#1", {});
  EXPECT_TRUE(talk.driver.core->jobs("mail", {}, 0, 10).empty());
  EXPECT_EQ(talk.driver.core->jobs("mail", State::failed, 0, 10).size(), 1U);
}

TEST_F(Queues, AParkedJobThatIsAdmittedTooLateExpires) {
  const std::int64_t now_ms = talk.driver.now.wall.time_since_epoch() / 1ms;
  talk.submit("p", "small", {.count = 3, .expires_at_ms = {0, 0, now_ms + 1000}});
  talk.pass(2s);
  EXPECT_EQ(talk.worker("w", {"small"}), "welcome w; dispatch w 1#1 2#1; accepted p 1..3");
  EXPECT_EQ(talk.counts("small"), "running=2 expired=1");
}

TEST_F(Queues, ARepeatedParkedPutIsAnsweredWhenItIsIn) {
  talk.submit("p", "small", {.count = 3, .sequence = 9});
  EXPECT_EQ(talk.submit("p", "small", {.count = 3, .sequence = 9}), "");
  EXPECT_EQ(talk.worker("w", {"small"}), "welcome w; dispatch w 1#1 2#1; accepted p 1..3; dispatch w 3#1");
  EXPECT_EQ(talk.submit("p", "small", {.count = 3, .sequence = 9}), "accepted p 1..3");
}

TEST_F(Queues, RaisingMaxsizeLetsParkedJobsIn) {
  talk.submit("p", "small", 5);
  EXPECT_EQ(talk.admin("p", broker::Configure{"small", {.maxsize = 0}}), "done p 1; accepted p 1..5");
}

TEST_F(Queues, ChildrenAreAdmittedWhateverTheSize) {
  talk.worker("w", {"small"}, {.capacity = 1});
  talk.submit("p", "small", 3);
  EXPECT_EQ(talk.succeed_with_child("w", "1#1", "small"), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.counts("small"), "ready=2 running=1 succeeded=1");
}

TEST_F(Queues, APausedQueueDeliversNothing) {
  talk.worker("w", {"small"});
  talk.admin("p", broker::Pause{"small", "ann", "database is down"});
  EXPECT_EQ(talk.submit("p", "small"), "accepted p 1");
  EXPECT_EQ(talk.driver.core->queue("small")->pause_reason, "database is down");
  EXPECT_EQ(talk.admin("p", broker::Resume{"small"}), "done p 1; dispatch w 1#1");
}

TEST_F(Queues, PurgeCancelsWhatIsNotRunning) {
  talk.worker("w", {"mail"}, {.capacity = 1});
  talk.submit("p", "mail", {.count = 3, .delay_ms = {0, 0, 1000}});
  EXPECT_EQ(talk.admin("p", broker::Bulk{broker::BulkVerb::purge, {.queue = "mail"}}), "done p 2");
  EXPECT_EQ(talk.counts("mail"), "running=1 cancelled=2");
  EXPECT_EQ(talk.admin("p", broker::Bulk{broker::BulkVerb::purge, {.queue = "none"}}),
            "refused p unknown_queue");
}

TEST_F(Queues, ASuccessThatComesBeforeTheCancellationStands) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail", 2);
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = "mail", .jobs = {}}}),
            "revoke w cancelled 1#1 2#1; done p 2");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.report("w", "2#1", {.kind = Kind::crashed}), "acked w");
  EXPECT_EQ(talk.counts("mail"), "succeeded=1 cancelled=1");
}

TEST_F(Queues, ACancelledJobOfALostWorkerIsNotRunAgain) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  talk.admin("p", broker::Cancel{{.queue = {}, .jobs = {1}}});
  talk.disconnect("w", true);
  EXPECT_EQ(talk.counts("mail"), "cancelled=1");
}

TEST_F(Queues, CancellingAParkedJobAccountsForIt) {
  talk.submit("p", "small", 3);
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = "small", .jobs = {}}}), "accepted p 1..3; done p 3");
  EXPECT_EQ(talk.counts("small"), "cancelled=3");
}

TEST_F(Queues, AUniqueKeyIsTakenUntilItsJobEnds) {
  talk.worker("w", {"mail"});
  EXPECT_EQ(talk.submit("p", "mail", {.unique_key = {"k"}}), "accepted p 1; dispatch w 1#1");
  EXPECT_EQ(talk.submit("p", "mail", {.unique_key = {"k"}}), "accepted p duplicate_job");
  EXPECT_EQ(talk.submit("p", "mail", {.count = 2, .unique_key = {"l", "l"}}), "accepted p duplicate_job");
  talk.finish("w", "1#1");
  EXPECT_EQ(talk.submit("p", "mail", {.unique_key = {"k"}}), "accepted p 2; dispatch w 2#1");
}

TEST_F(Queues, PutsAreRefusedWhileFinishesGoOn) {
  talk.worker("w", {"mail"});
  talk.submit("p", "mail");
  talk.driver.core->refuse_puts(Code::disk_full);
  EXPECT_EQ(talk.submit("p", "mail"), "refused p disk_full");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  talk.driver.core->refuse_puts(Code::ok);
  EXPECT_EQ(talk.submit("p", "mail"), "accepted p 2; dispatch w 2#1");
}

TEST_F(Queues, TheModeOfAQueueWithJobsCannotBeChanged) {
  talk.submit("p", "small");
  EXPECT_EQ(talk.admin("p", broker::Configure{"small", {.mode = Mode::lifo}}), "refused p invalid_state");
}

TEST_F(Queues, PutsCreateNoQueueIfToldSo) {
  Conversation some({.create_queues = false});
  some.producer("p");
  EXPECT_EQ(some.submit("p", "mail"), "accepted p unknown_queue");
  some.admin("p", broker::Configure{"mail", {}});
  EXPECT_EQ(some.submit("p", "mail"), "accepted p 1");
}

TEST_F(Queues, TakeNoOptionThatNeedsAnotherWithoutIt) {
  const auto with = [](auto change) {
    Put put;
    change(put.spec);
    return put;
  };
  for (const Put& put :
       {with([](Spec& spec) { spec.unique.scope = UniqueScope::batch; }),
        with([](Spec& spec) { spec.after = After::finished; }), with([](Spec& spec) { spec.ordered = true; }),
        with([](Spec& spec) { spec.soft_timeout_ms = 2, spec.hard_timeout_ms = 1; })}) {
    EXPECT_EQ(talk.submit("p", "new", put), "accepted p invalid_argument");
  }
  EXPECT_EQ(talk.counts("new"), "no queue");
}

TEST_F(Queues, TakeNoInputsWithoutARedisThatPassesThemOn) {
  Conversation some({.keeps_results = false});
  some.producer("p");
  some.submit("p", "mail");
  Put put{.after = {{1}}};
  EXPECT_EQ(some.submit("p", "mail", put), "accepted p 2");
  put.spec.inputs = true;
  EXPECT_EQ(some.submit("p", "mail", put), "accepted p no_result");
}

TEST_F(Queues, OfOneWorkerAreServedStrictlyInItsOrder) {
  talk.submit("p", "mail", 2);
  talk.submit("p", "urgent", 2);
  EXPECT_EQ(talk.worker("w", {"urgent", "mail"}, {.capacity = 1}), "welcome w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 4#1");
  talk.submit("p", "urgent");
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch w 5#1");
  EXPECT_EQ(talk.finish("w", "5#1"), "acked w; dispatch w 1#1");
}

TEST_F(Queues, OfOneWorkerTakeTurnsByItsWeightsAndNoneStarves) {
  talk.submit("p", "mail", 4);
  talk.submit("p", "urgent", 6);
  EXPECT_EQ(talk.worker("w", {"urgent", "mail"}, {.capacity = 5, .weights = {3, 1}}),
            "welcome w; dispatch w 5#1 6#1 7#1 1#1 8#1");
  EXPECT_EQ(talk.finish("w", "5#1"), "acked w; dispatch w 9#1") << "its turn goes on";
  EXPECT_EQ(talk.finish("w", "6#1 7#1 1#1"), "acked w; dispatch w 10#1 2#1 3#1")
      << "and is passed on when there is nothing more";
  EXPECT_EQ(talk.finish("w", "8#1 9#1"), "acked w; dispatch w 4#1");
}

}  // namespace
}  // namespace joinery::tests
