// Starting, feeding, capacity: what the plan wants while all goes well, and when processes don't start.
#include "plan_fixture.h"

namespace joinery::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(PlanTest, AProcessIsStartedForEachThatIsWantedAndFedOnceItIsReady) {
  settings.pools = {{"", 2, 1}};
  plan().begin(now);
  EXPECT_THAT(started(), ElementsAre(1, 2));
  EXPECT_FALSE(plan().settled());
  plan().ready(now, 1, {1, {"work"}, true});
  EXPECT_TRUE(plan().settled());
  EXPECT_THAT(plan().handlers(), ElementsAre("work"));
  dispatch(10, 2);
  EXPECT_THAT(fed(1), ElementsAre(10));
  actions.clear();
  plan().ready(now, 2, {1, {"work"}, true});
  EXPECT_THAT(fed(2), ElementsAre(11));
}

TEST_F(PlanTest, AFewJobsAreSharedOutSoThatTheyRunSideBySide) {
  settings.pools = {{"", 2, 1}};
  begin_ready();
  dispatch(1, 1);
  now += 100us;
  done(1, {1});
  actions.clear();
  dispatch(2, 4);
  EXPECT_THAT(fed(1), ElementsAre(2, 3));
  EXPECT_THAT(fed(2), ElementsAre(4, 5));
}

TEST_F(PlanTest, ShortJobsAreFedAheadByTheHundred) {
  begin_ready();
  dispatch(1, 1);
  now += 2us;
  done(1, {1});
  actions.clear();
  dispatch(10, 5000);
  EXPECT_EQ(fed(1).size(), 1000);  // 2 ms of 2 us
}

TEST_F(PlanTest, LongJobsHaveNoneBehindThemInAProcess) {
  begin_ready();
  dispatch(1, 1);
  now += 10ms;
  done(1, {1});
  actions.clear();
  dispatch(2, 5);
  EXPECT_THAT(fed(1), ElementsAre(2));
}

TEST_F(PlanTest, CapacityStartsAtTwoPerThreadAndFollowsTheRunTime) {
  settings.pools = {{"", 2, 3}};
  begin_ready();
  EXPECT_EQ(plan().capacity(), 12);
  dispatch(1, 1);
  now += 10us;
  done(1, {1});
  EXPECT_EQ(plan().capacity(), 6 * 1001);
  for (JobId job = 2; job < 30; ++job) {
    dispatch(job, 1);
    now += 10s;
    done(1, {job});
  }
  EXPECT_EQ(plan().capacity(), 6);
}

TEST_F(PlanTest, AConstantPrefetchIsJustThat) {
  settings.prefetch = 3;
  begin_ready();
  EXPECT_EQ(plan().capacity(), 4);
  dispatch(1, 10);
  EXPECT_THAT(fed(1), ElementsAre(1, 2, 3, 4));
}

TEST_F(PlanTest, SuccessesWithNothingToSayAreTokensOnly) {
  begin_ready();
  dispatch(1, 1);
  done(1, {1});
  EXPECT_THAT(actions.succeeded, ElementsAre(Token{1, 1, 1}));
  EXPECT_THAT(actions.finished, IsEmpty());
  EXPECT_EQ(plan().held(), 0);
}

TEST_F(PlanTest, AKeptResultComesWithItsTimeToLive) {
  begin_ready();
  Spec spec = spec_of();
  spec.result_ttl_s = 60;
  dispatch(1, 2, spec);
  pool::Done outcome;
  outcome.outcomes.resize(1);
  outcome.outcomes[0].job = 1;
  outcome.outcomes[0].result = "\x2a";
  plan().outcomes(now, 1, outcome);
  ASSERT_THAT(actions.finished, SizeIs(1));
  EXPECT_EQ(actions.finished[0].result, "\x2a");
  EXPECT_EQ(actions.finished[0].result_ttl_s, 60);
  EXPECT_THAT(actions.succeeded, IsEmpty());
}

TEST_F(PlanTest, ASmallResultGoesAlongAndOnlyALargerOneToRedis) {
  settings.prefetch = 4;
  begin_ready();
  Spec spec = spec_of();
  spec.result_ttl_s = 60;
  spec.result_inline_max = 3;
  dispatch(1, 4, spec);
  pool::Done outcome;
  outcome.outcomes.resize(4);
  for (JobId job = 1; job <= 4; ++job) outcome.outcomes[job - 1].job = job;
  outcome.outcomes[0].result = "abc";
  outcome.outcomes[1].result = "abcd";
  outcome.outcomes[2].ok = false;
  plan().outcomes(now, 1, outcome);
  EXPECT_THAT(actions.answered,
              ElementsAre(Pair(Token{1, 1, 1}, "abc"), Pair(Token{4, 1, 1}, "\xc0")));  // returned nothing
  ASSERT_THAT(actions.finished, SizeIs(2));
  EXPECT_EQ(actions.finished[0].report.token.job, 2U);
  EXPECT_EQ(actions.finished[0].result_ttl_s, 60U);
  EXPECT_EQ(actions.finished[1].report.token.job, 3U);
  EXPECT_EQ(actions.finished[1].result_ttl_s, 0U);  // its report tells the failure
}

TEST_F(PlanTest, WhatAFailedJobPutOutIsKeptWhereSmallResultsGoAlong) {
  begin_ready();
  Spec spec = spec_of();
  spec.result_ttl_s = 60;
  spec.result_inline_max = 3;
  dispatch(1, 1, spec);
  pool::Done outcome;
  outcome.outcomes.resize(1);
  outcome.outcomes[0].job = 1;
  outcome.outcomes[0].ok = false;
  outcome.outcomes[0].result = "abcd";
  plan().outcomes(now, 1, outcome);
  ASSERT_THAT(actions.finished, SizeIs(1));
  EXPECT_EQ(actions.finished[0].result, "abcd");
  EXPECT_EQ(actions.finished[0].result_ttl_s, 60U);
}

TEST_F(PlanTest, AJobForAHandlerThatNobodyHasIsRejected) {
  begin_ready();
  dispatch(1, 1, spec_of("other"));
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::rejected)));
  EXPECT_EQ(failure_of(1).code, Code::unknown_handler);
}

TEST_F(PlanTest, EachHandlerHasItsPool) {
  settings.pools = {{"", 1, 1}, {"resize", 1, 1}};
  plan().begin(now);
  plan().ready(now, 1, {1, {"work"}, true});
  plan().ready(now, 2, {1, {}, false});  // names none: the one called like its table
  actions.clear();
  EXPECT_THAT(plan().handlers(), ElementsAre("resize", "work"));
  dispatch(1, 1, spec_of("resize"));
  EXPECT_THAT(fed(2), ElementsAre(1));
  EXPECT_TRUE(all<action::Feed>()[0].one_by_one);
}

TEST_F(PlanTest, AProcessIsReplacedAfterItsNumberOfJobsButFinishesThem) {
  settings.max_jobs_per_process = 2;
  settings.prefetch = 5;
  begin_ready();
  dispatch(1, 3);
  EXPECT_THAT(fed(1), ElementsAre(1, 2));
  done(1, {1});
  EXPECT_THAT(stopped(), IsEmpty());
  done(1, {2});
  EXPECT_THAT(stopped(), ElementsAre(1));
  exits(1);
  EXPECT_THAT(started(), ElementsAre(2));
  EXPECT_THAT(all<action::Problem>(), IsEmpty());
  plan().ready(now, 2, {1, {"work"}, true});
  EXPECT_THAT(fed(2), ElementsAre(3));
}

TEST_F(PlanTest, AProcessThatCannotStartIsTriedAgainEverMoreSeldom) {
  settings.pools = {{"", 4, 1}};
  plan().begin(now);
  for (ProcessId id = 1; id <= 4; ++id) exits(id, 127);
  EXPECT_THAT(all<action::Problem>(), SizeIs(1));  // they failed together
  actions.clear();
  later(99ms);
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(plan().next_deadline(), now + 1ms);
  later(1ms);
  EXPECT_THAT(started(), ElementsAre(5));  // one tries
  exits(5, 127);
  later(199ms);
  EXPECT_THAT(started(), SizeIs(1));
  later(1ms);
  EXPECT_THAT(started(), ElementsAre(5, 6));
  EXPECT_FALSE(plan().hopeless());
  exits(6, 127);
  EXPECT_TRUE(plan().hopeless());
}

TEST_F(PlanTest, AfterAFailedStartTheFirstReadyProcessBringsTheOthers) {
  settings.pools = {{"", 3, 1}};
  plan().begin(now);
  for (ProcessId id = 1; id <= 3; ++id) exits(id, 1);
  actions.clear();
  later(100ms);
  plan().ready(now, 4, {1, {"work"}, true});
  EXPECT_THAT(started(), ElementsAre(4, 5, 6));
}

TEST_F(PlanTest, AProcessThatNeverSaysReadyIsKilled) {
  settings.pools = {{"mute", 1, 1}};
  plan().begin(now);
  EXPECT_EQ(plan().next_deadline(), now + 5s);
  EXPECT_FALSE(plan().settled());
  later(5s);
  ASSERT_THAT(all<action::Problem>(), SizeIs(1)) << "told once, long before the end";
  EXPECT_EQ(all<action::Problem>()[0].error.field, "mute");
  EXPECT_TRUE(plan().settled()) << "other pools do not wait for it any more";
  EXPECT_EQ(plan().next_deadline(), now + 25s);
  actions.clear();
  later(25s);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  ASSERT_THAT(all<action::Problem>(), SizeIs(1));
  EXPECT_THAT(all<action::Problem>()[0].error.message, ::testing::HasSubstr("was not ready and was killed"));
}

TEST_F(PlanTest, AnotherVersionOfTheProtocolIsAFailedStart) {
  plan().begin(now);
  plan().ready(now, 1, {99, {"work"}, true});
  EXPECT_THAT(killed(), ElementsAre(1));
  EXPECT_EQ(all<action::Problem>()[0].error.code, Code::unsupported_version);
}

TEST_F(PlanTest, WhatWaitsBehindAJobThatTurnsOutLongIsAskedBack) {
  begin_ready();
  dispatch(1, 1);
  now += 10us;
  done(1, {1});
  dispatch(2, 3);
  actions.clear();
  board[1] = {{2, now}};
  EXPECT_EQ(plan().next_deadline(), now + 50ms);
  later(50ms);
  const auto cancels = all<action::Cancel>();
  ASSERT_THAT(cancels, SizeIs(2));
  EXPECT_EQ(cancels[0].job, 3);
  failed(1, 3, cancels[0].reason);
  failed(1, 4, cancels[1].reason);
  EXPECT_THAT(ended(), ElementsAre(Pair(3, Kind::released), Pair(4, Kind::released)));
  EXPECT_EQ(plan().next_deadline(), never_mono);
}

TEST_F(PlanTest, NothingToDoNeedsNoWaking) {
  begin_ready();
  EXPECT_EQ(plan().next_deadline(), never_mono);
}

TEST_F(PlanTest, AnOutcomeOfAJobThatTheProcessWasNotGivenHarmsNobody) {
  settings.pools = {{"", 2, 1}};
  begin_ready();
  dispatch(1, 1);
  done(2, {1, 77});
  EXPECT_THAT(ended(), IsEmpty());
  EXPECT_EQ(plan().held(), 1);
}

}  // namespace
}  // namespace joinery::worker
