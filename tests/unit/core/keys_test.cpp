// What the keys of jobs do: limits, ordering, fairness.
#include <gmock/gmock.h>

#include "conversation.h"

namespace joinery::tests {
namespace {

using namespace std::chrono_literals;
using Kind = Report::Kind;

Spec ordered() {
  Spec spec = Put::default_spec();
  spec.ordered = true;
  return spec;
}

class Keys : public testing::Test {
 protected:
  Keys() { talk.producer("p"); }
  std::string limit(Limit limit) { return talk.admin("p", broker::SetLimit{std::move(limit)}); }
  std::optional<broker::KeyWait> wait(JobId job) { return talk.driver.core->key_wait(talk.driver.now, job); }
  Conversation talk;
};

TEST_F(Keys, NoMoreOfAKeyRunThanItsConcurrency) {
  EXPECT_EQ(limit({.pattern = "host:*", .concurrency = 2}), "done p 1");
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 3, .key = {"host:x"}}), "accepted p 1..3; dispatch w 1#1 2#1");
  EXPECT_EQ(talk.counts("web"), "ready=1 running=2");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "2#1 3#1"), "acked w");
}

TEST_F(Keys, AShutKeyHoldsBackOnlyItsOwnJobs) {
  limit({.pattern = "host:*", .concurrency = 1});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 3, .key = {"host:x"}});
  EXPECT_EQ(talk.submit("p", "web", {.count = 2, .key = {"host:y", ""}}),
            "accepted p 4..5; dispatch w 4#1 5#1");
  EXPECT_EQ(talk.finish("w", "4#1 5#1"), "acked w");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 2#1");
}

TEST_F(Keys, APlaceIsFreeHoweverItsJobEnds) {
  limit({.pattern = "k", .concurrency = 1});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 6, .key = {"k"}});
  EXPECT_EQ(talk.report("w", "1#1", {Kind::failed}), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.report("w", "2#1", {Kind::rejected}), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.report("w", "3#1", {Kind::crashed}), "acked w; dispatch w 3#2");
  EXPECT_EQ(talk.report("w", "3#2", {Kind::released}), "acked w; dispatch w 3#3");
  talk.admin("p", broker::Cancel{{.queue = {}, .batch = 0, .jobs = {3}}});
  EXPECT_EQ(talk.report("w", "3#3", {Kind::cancelled}), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.disconnect("w", true), "gone w");
  EXPECT_EQ(talk.worker("v", {"web"}), "welcome v; dispatch v 4#2");
}

TEST_F(Keys, EveryLevelOfAKeyHasItsLimit) {
  limit({.pattern = "tenant:*", .concurrency = 2});
  limit({.pattern = "host:*", .concurrency = 1});
  talk.worker("w", {"web"});
  EXPECT_EQ(
      talk.submit(
          "p", "web",
          {.count = 4, .key = {"tenant:a/host:x", "tenant:a/host:x", "tenant:a/host:y", "tenant:a/host:z"}}),
      "accepted p 1..4; dispatch w 1#1 3#1");
  EXPECT_EQ(talk.submit("p", "web", {.key = {"tenant:b/host:x"}}), "accepted p 5");  // the host is the same
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.finish("w", "2#1 4#1"), "acked w; dispatch w 5#1");
}

TEST_F(Keys, APathCanBeLimitedToo) {
  limit({.pattern = "tenant:*/host:*", .concurrency = 1});
  talk.worker("w", {"web"});
  EXPECT_EQ(
      talk.submit("p", "web", {.count = 3, .key = {"tenant:a/host:x", "tenant:b/host:x", "tenant:a/host:x"}}),
      "accepted p 1..3; dispatch w 1#1 2#1");
}

TEST_F(Keys, AnExactLimitGoesBeforeAPattern) {
  limit({.pattern = "host:*", .concurrency = 1});
  limit({.pattern = "host:big.*", .concurrency = 2});
  limit({.pattern = "host:big.org", .concurrency = 3});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 4, .key = {"host:big.org"}}),
            "accepted p 1..4; dispatch w 1#1 2#1 3#1");
  EXPECT_EQ(talk.submit("p", "web", {.count = 4, .key = {"host:big.com"}}),
            "accepted p 5..8; dispatch w 5#1 6#1");
}

TEST_F(Keys, StartsOfAKeyAreItsIntervalApart) {
  limit({.pattern = "host:*", .interval_ms = 1000});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 3, .key = {"host:x"}}), "accepted p 1..3; dispatch w 1#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(wait(2)->free_in, Duration(1s));
  EXPECT_EQ(talk.pass(999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
  EXPECT_EQ(talk.pass(1s), "dispatch w 3#1");
}

TEST_F(Keys, AShorterIntervalHoldsAtOnce) {
  limit({.pattern = "host:*", .interval_ms = 3'600'000});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 2, .key = {"host:x"}}), "accepted p 1..2; dispatch w 1#1");
  talk.finish("w", "1#1");
  limit({.pattern = "host:*", .interval_ms = 100});
  EXPECT_EQ(wait(2)->free_in, Duration(100ms));
  EXPECT_EQ(talk.pass(99ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

TEST_F(Keys, AHigherRateHoldsAtOnce) {
  limit({.pattern = "api", .rate = 1, .period_ms = 3'600'000});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 2, .key = {"api"}}), "accepted p 1..2; dispatch w 1#1");
  talk.finish("w", "1#1");
  limit({.pattern = "api", .rate = 100, .period_ms = 1000});
  EXPECT_EQ(talk.pass(9ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

// What it did last, nobody knows.
TEST_F(Keys, TheDeathOfAJobCountsAsAStartOfItsKey) {
  limit({.pattern = "host:*", .interval_ms = 1000});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 1, .key = {"host:x"}}), "accepted p 1; dispatch w 1#1");
  talk.pass(5s);
  EXPECT_EQ(talk.report("w", "1#1", {.kind = Report::Kind::crashed}), "acked w");
  EXPECT_EQ(talk.pass(999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 1#2");
  talk.pass(5s);
  EXPECT_EQ(talk.finish("w", "1#2"), "acked w");
  EXPECT_EQ(talk.submit("p", "web", {.count = 1, .key = {"host:x"}}), "accepted p 2; dispatch w 2#1");
}

TEST_F(Keys, ARateLetsABurstThroughAndThenSoManyPerPeriod) {
  limit({.pattern = "api", .rate = 10, .period_ms = 1000, .burst = 3});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 6, .key = {"api"}}), "accepted p 1..6; dispatch w 1#1 2#1 3#1");
  EXPECT_EQ(talk.pass(100ms), "dispatch w 4#1");
  EXPECT_EQ(talk.pass(99ms), "");
  EXPECT_EQ(talk.pass(101ms), "dispatch w 5#1 6#1");
  talk.pass(10s);
  EXPECT_EQ(talk.submit("p", "web", {.count = 4, .key = {"api"}}),
            "accepted p 7..10; dispatch w 7#1 8#1 9#1");
}

TEST_F(Keys, LimitsAreCountedAnewWhenTheyChange) {
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 2, .key = {"k"}}), "accepted p 1..2; dispatch w 1#1 2#1");
  limit({.pattern = "k", .concurrency = 1});
  EXPECT_EQ(talk.submit("p", "web", {.count = 3, .key = {"k"}}), "accepted p 3..5");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(limit({.pattern = "k", .concurrency = 2}), "done p 1; dispatch w 4#1");
  EXPECT_EQ(talk.admin("p", broker::DeleteLimit{"k"}), "done p 1; dispatch w 5#1");
  EXPECT_EQ(talk.admin("p", broker::DeleteLimit{"k"}), "refused p unknown_limit");
  EXPECT_EQ(talk.finish("w", "3#1 4#1 5#1"), "acked w");
}

TEST_F(Keys, LimitsAndWhatRunsUnderThemSurviveACrash) {
  limit({.pattern = "k", .concurrency = 2});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 4, .key = {"k"}});
  for (const bool checkpoint : {false, true}) {
    if (checkpoint) talk.driver.checkpoint();
    talk.crash();
    EXPECT_EQ(talk.worker("w", {"web"}, {.held = "1#1 2#1"}), "resumed w");
    EXPECT_EQ(talk.counts("web"), "ready=2 running=2");
  }
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 4#1");
}

TEST_F(Keys, AfterACrashNothingStartsEarly) {
  limit({.pattern = "k", .rate = 1, .period_ms = 1000});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 2, .key = {"k"}}), "accepted p 1..2; dispatch w 1#1");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  talk.crash();
  EXPECT_EQ(talk.worker("w", {"web"}), "welcome w");
  EXPECT_EQ(talk.pass(999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

TEST_F(Keys, AJumpOfTheWallClockStartsNothingEarly) {
  limit({.pattern = "k", .interval_ms = 1000});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 2, .key = {"k"}});
  talk.hold("w", "1#1", "k", {}, talk.driver.now.wall + 5s);
  talk.driver.now.wall += 24h;
  EXPECT_EQ(talk.pass(4999ms), "");
  talk.driver.now.wall -= 48h;
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
}

TEST_F(Keys, AHandlerMayHoldAKeyUntilATime) {
  talk.worker("w", {"web"}, {.capacity = 2});
  talk.submit("p", "web", {.count = 3, .key = {"k"}});
  EXPECT_EQ(talk.hold("w", "1#1", "k", {}, talk.driver.now.wall + 2s), "");
  EXPECT_EQ(talk.finish("w", "1#1 2#1"), "acked w");
  EXPECT_EQ(talk.pass(1999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 3#1");
}

TEST_F(Keys, AHandlerMaySetTheIntervalOfAKeyAlsoOverACrash) {
  limit({.pattern = "*", .concurrency = 1});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 3, .key = {"k"}});
  talk.hold("w", "1#1", "k", 3000);
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w");
  EXPECT_EQ(talk.pass(2999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 2#1");
  talk.driver.checkpoint();
  talk.crash();
  talk.worker("w", {"web"}, {.held = "2#1"});
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w");
  EXPECT_EQ(talk.pass(2999ms), "");
  EXPECT_EQ(talk.pass(1ms), "dispatch w 3#1");
}

TEST_F(Keys, AStaleDeliveryHoldsNothing) {
  talk.worker("w", {"web"}, {.capacity = 1});
  talk.submit("p", "web", {.count = 2, .key = {"k"}});
  const Token stale{1, 9, 1};
  talk.driver.apply(broker::HoldKey{talk.id("w"), stale, "k", 1000, {}});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 2#1");
}

TEST_F(Keys, OrderedJobsOfAKeyRunOneAfterTheOtherAlsoAcrossRetries) {
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 3, .spec = ordered(), .key = {"k"}}),
            "accepted p 1..3; dispatch w 1#1");
  EXPECT_EQ(talk.submit("p", "web", {.spec = ordered(), .key = {"l"}}), "accepted p 4; dispatch w 4#1");
  EXPECT_EQ(talk.report("w", "1#1", {Kind::failed}), "acked w");
  EXPECT_EQ(talk.counts("web"), "scheduled=1 ready=2 running=1");
  EXPECT_EQ(talk.pass(1s), "dispatch w 1#2");
  EXPECT_EQ(talk.report("w", "1#2", {Kind::rejected}), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.report("w", "2#1", {Kind::failed}), "acked w");
  EXPECT_EQ(talk.admin("p", broker::Cancel{{.queue = {}, .batch = 0, .jobs = {2}}}),
            "done p 1; dispatch w 3#1");
}

TEST_F(Keys, TheOrderHoldsOverACrashInTheMiddleOfABackoff) {
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 3, .spec = ordered(), .key = {"k"}});
  talk.report("w", "1#1", {Kind::failed});
  for (const bool checkpoint : {false, true}) {
    if (checkpoint) talk.driver.checkpoint();
    talk.crash();
    EXPECT_EQ(talk.worker("w", {"web"}), "welcome w");
  }
  EXPECT_EQ(talk.pass(1s), "dispatch w 1#2");
  EXPECT_EQ(talk.finish("w", "1#2"), "acked w; dispatch w 2#1");
}

TEST_F(Keys, AnOrderedJobThatIsRevivedComesAfterThoseThatWait) {
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 3, .spec = ordered(), .key = {"k"}});
  EXPECT_EQ(talk.report("w", "1#1", {Kind::rejected}), "acked w; dispatch w 2#1");
  EXPECT_EQ(talk.admin("p", broker::Retry{{1}}), "done p 1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 1#2");
}

TEST_F(Keys, AnOrderedJobThatFailedGoesFirstThoughNewerOnesOfAStackOrItsNewPriorityWouldNot) {
  talk.admin("p", broker::Configure{"stack", {.mode = Mode::lifo}});
  talk.admin("p", broker::Configure{"urgent", {.mode = Mode::priority}});
  talk.worker("w", {"stack", "urgent"});
  talk.submit("p", "stack", {.spec = ordered(), .key = {"k"}});
  talk.report("w", "1#1", {Kind::failed});
  talk.submit("p", "stack", {.count = 2, .spec = ordered(), .key = {"k"}});
  EXPECT_EQ(talk.pass(1s), "dispatch w 1#2");
  talk.report("w", "1#2", {Kind::failed});
  talk.submit("p", "stack", {.spec = ordered(), .key = {"k"}});
  EXPECT_EQ(talk.pass(2s), "dispatch w 1#3");
  EXPECT_EQ(talk.report("w", "1#3", {Kind::rejected}), "acked w; dispatch w 4#1");
  talk.submit("p", "urgent", {.count = 2, .spec = ordered(), .key = {"l"}});
  talk.report("w", "5#1", {Kind::failed});
  EXPECT_EQ(talk.admin("p", broker::Update{.jobs = {6}, .priority = 5, .run_at_ms = {}}), "done p 1");
  EXPECT_EQ(talk.admin("p", broker::Update{.jobs = {5}, .priority = 5, .run_at_ms = 1}),
            "done p 1; dispatch w 5#2");
  EXPECT_EQ(talk.finish("w", "5#2"), "acked w; dispatch w 6#1");
}

TEST_F(Keys, AnOrderedJobThatIsMovedLeavesTheOrderOfItsQueueToTheNextOne) {
  talk.worker("w", {"web", "other"});
  talk.submit("p", "web", {.count = 2, .spec = ordered(), .key = {"k"}});
  talk.submit("p", "other", {.count = 2, .spec = ordered(), .key = {"k"}});
  talk.report("w", "1#1", {Kind::failed});
  EXPECT_EQ(talk.admin("p", broker::MoveTo{{1}, "other"}), "done p 1; dispatch w 2#1");
  EXPECT_EQ(talk.pass(1s), "");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch w 1#2");
  EXPECT_EQ(talk.finish("w", "1#2 2#1"), "acked w");
}

TEST_F(Keys, KeysOfAFairQueueTakeTurns) {
  talk.admin("p", broker::Configure{"web", {.fair = true}});
  talk.submit("p", "web", {.count = 4, .key = {"a"}});
  talk.submit("p", "web", {.count = 2, .key = {"b"}});
  talk.submit("p", "web", {.count = 2});
  EXPECT_EQ(talk.worker("w", {"web"}), "welcome w; dispatch w 1#1 5#1 7#1 2#1 6#1 8#1 3#1 4#1");
}

TEST_F(Keys, ATenantWithOneJobStartsInTheNextRoundBehindOneWithThousands) {
  talk.admin("p", broker::Configure{"web", {.fair = true}});
  talk.submit("p", "web", {.count = 1000, .key = {"a"}});
  talk.worker("w", {"web"}, {.capacity = 2});
  talk.submit("p", "web", {.key = {"b"}});
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "2#1"), "acked w; dispatch w 1001#1");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 4#1");
}

TEST_F(Keys, WeightsSayHowManyTurnsAKeyHas) {
  talk.admin("p", broker::Configure{"web", {.fair = true}});
  limit({.pattern = "gold", .weight = 3});
  talk.submit("p", "web", {.count = 4, .key = {"a"}});
  talk.submit("p", "web", {.count = 9, .key = {"gold"}});
  talk.worker("w", {"web"}, {.capacity = 8});
  EXPECT_EQ(talk.counts("web"), "ready=5 running=8");
  int gold = 0;
  for (JobId job = 5; job <= 13; ++job) gold += talk.state(job) == "running" ? 1 : 0;
  EXPECT_EQ(gold, 6);
}

TEST_F(Keys, TurnsGoByTheOutermostLevelAndLimitsHoldWithinThem) {
  talk.admin("p", broker::Configure{"web", {.fair = true}});
  limit({.pattern = "host:*", .concurrency = 1});
  talk.submit("p", "web", {.count = 3, .key = {"a/host:x"}});
  talk.submit("p", "web", {.count = 3, .key = {"a/host:y"}});
  talk.submit("p", "web", {.count = 3, .key = {"b/host:z"}});
  EXPECT_EQ(talk.worker("w", {"web"}), "welcome w; dispatch w 1#1 7#1 4#1");
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch w 5#1");
}

TEST_F(Keys, FairnessHoldsAcrossHandlersAndIsTakenUpByWhatWaits) {
  Spec other = Put::default_spec();
  other.handler = "other";
  talk.submit("p", "web", {.count = 4, .key = {"a"}});
  talk.submit("p", "web", {.count = 1, .spec = other, .key = {"b"}});
  talk.admin("p", broker::Configure{"web", {.fair = true}});
  EXPECT_EQ(talk.worker("w", {"web"}, {.capacity = 2}), "welcome w; dispatch w 1#1 5#1");
  talk.admin("p", broker::Configure{"web", {.fair = false}});
  EXPECT_EQ(talk.finish("w", "1#1 5#1"), "acked w; dispatch w 2#1 3#1");
}

TEST_F(Keys, AHandlerThatNoWorkerHasKeepsNoPlaceOfItsKey) {
  limit({.pattern = "k", .concurrency = 1});
  Spec other = Put::default_spec();
  other.handler = "other";
  talk.submit("p", "web", {.count = 2, .spec = other, .key = {"k"}});
  talk.submit("p", "web", {.count = 2, .key = {"k"}});
  EXPECT_EQ(talk.worker("w", {"web"}, {.handlers = {"h"}}), "welcome w; dispatch w 3#1");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.worker("v", {"web"}), "welcome v");
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch v 1#1");
}

TEST_F(Keys, LifoAndPriorityHoldWithinAKey) {
  limit({.pattern = "k", .concurrency = 1});
  talk.admin("p", broker::Configure{"stack", {.mode = Mode::lifo}});
  talk.worker("w", {"stack", "urgent"});
  talk.submit("p", "stack", {.count = 3, .key = {"k"}});
  EXPECT_EQ(talk.submit("p", "stack", {.count = 2, .key = {"k"}}), "accepted p 4..5");
  EXPECT_EQ(talk.finish("w", "3#1"), "acked w; dispatch w 5#1");
  EXPECT_EQ(talk.finish("w", "5#1"), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.finish("w", "4#1"), "acked w; dispatch w 2#1");
}

TEST_F(Keys, WaitingJobsOfAShutKeyCanBePurged) {
  limit({.pattern = "t", .concurrency = 1});
  talk.worker("w", {"web", "other"});
  talk.submit("p", "web", {.count = 3, .key = {"t/a"}});
  talk.submit("p", "web", {.count = 3, .key = {"t/b"}});
  talk.submit("p", "other", {.count = 1, .key = {"t/c"}});
  EXPECT_EQ(talk.admin("p", broker::Bulk{broker::BulkVerb::purge, {.queue = "web"}}), "done p 5");
  EXPECT_EQ(talk.finish("w", "1#1"), "acked w; dispatch w 7#1");
}

TEST_F(Keys, JobsOfACancelledBatchHoldUpNobodyOfTheirKey) {
  limit({.pattern = "k", .concurrency = 1});
  talk.admin("p", broker::OpenBatch{"night"});
  talk.worker("w", {"web"});
  EXPECT_EQ(talk.submit("p", "web", {.count = 3, .batch = 1, .key = {"k"}}),
            "accepted p 1..3; dispatch w 1#1");
  talk.submit("p", "web", {.key = {"k"}});
  talk.admin("p", broker::Cancel{{.queue = {}, .batch = 1, .jobs = {}}});
  EXPECT_EQ(talk.report("w", "1#1", {Kind::cancelled}), "acked w; dispatch w 4#1");
  EXPECT_EQ(talk.counts("web"), "running=1 cancelled=3");
}

TEST_F(Keys, WhatAJobWaitsForIsTold) {
  limit({.pattern = "host:*", .concurrency = 1});
  talk.worker("w", {"web"});
  talk.submit("p", "web", {.count = 2, .key = {"host:x"}});
  const auto found = wait(2);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->node, "host:x");
  EXPECT_EQ(found->running, 1U);
  EXPECT_EQ(found->most, 1U);
  EXPECT_FALSE(found->free_in);
  EXPECT_FALSE(wait(1));
}

TEST_F(Keys, ALimitThatMakesNoSenseIsRefusedByItsField) {
  EXPECT_EQ(limit({.pattern = ""}), "refused p invalid_argument");
  EXPECT_EQ(limit({.pattern = "a//b"}), "refused p invalid_argument");
  EXPECT_EQ(limit({.pattern = "a", .rate = 1, .burst = 0}), "refused p invalid_argument");
  EXPECT_EQ(limit({.pattern = "a", .rate = 1, .period_ms = 0}), "refused p invalid_argument");
  EXPECT_EQ(limit({.pattern = "a", .weight = 0}), "refused p invalid_argument");
}

}  // namespace
}  // namespace joinery::tests
