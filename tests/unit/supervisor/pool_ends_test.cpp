// Deaths, limits, revocations, drain: what is reported of each job, and who is killed.
#include <random>

#include "plan_fixture.h"

namespace joinery::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class EndsTest : public PlanTest {
 protected:
  // A process that holds jobs 1, 2, 3 and runs 1.
  void hold_three(const Spec& spec) {
    settings.prefetch = 5;
    begin_ready();
    dispatch(1, 3, spec);
    board[1] = {{1, now}};
    actions.clear();
  }
  void hold_three() { hold_three(spec_of()); }
};

TEST_F(EndsTest, ADeathCostsTheJobThatRanAndHandsBackTheOthers) {
  hold_three();
  dies(1);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::crashed), Pair(2, Kind::released), Pair(3, Kind::released)));
  EXPECT_EQ(failure_of(1).code, Code::process_died);
  EXPECT_EQ(failure_of(1).type, "signal");
  EXPECT_THAT(failure_of(1).message, HasSubstr("signal 11"));
  EXPECT_FALSE(failure_of(1).dossier.empty());
  EXPECT_THAT(started(), ElementsAre(2));
}

TEST_F(EndsTest, WithoutABoardTheOldestUnfinishedJobRan) {
  settings.prefetch = 5;
  begin_ready(false);
  dispatch(1, 3);
  done(1, {1});
  actions.clear();
  exits(1, 3);
  EXPECT_THAT(ended(), ElementsAre(Pair(2, Kind::crashed), Pair(3, Kind::released)));
  EXPECT_EQ(failure_of(2).type, "exit status");
}

TEST_F(EndsTest, AnIdleProcessThatDiesIsReplacedAndChargesNobody) {
  hold_three();
  done(1, {1, 2, 3});
  board.clear();
  actions.clear();
  dies(1, SIGKILL);
  EXPECT_THAT(ended(), IsEmpty());
  EXPECT_THAT(started(), ElementsAre(2));
}

TEST_F(EndsTest, AProcessThatEndsRightAfterReadyIsNotStartedInALoop) {
  begin_ready();
  exits(1);
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(all<action::Problem>(), SizeIs(1));
  later(100ms);
  EXPECT_THAT(started(), SizeIs(1));
}

TEST_F(EndsTest, TheHardLimitCountsFromTheStartAndKillsTheGroup) {
  Spec spec = spec_of();
  spec.hard_timeout_ms = 100;
  hold_three(spec);
  later(60ms);
  board[1] = {{2, now}};  // 1 was quick; 2 starts now
  done(1, {1});
  actions.clear();
  later(99ms);
  EXPECT_THAT(killed(), IsEmpty());
  later(1ms);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  EXPECT_THAT(ended(), ElementsAre(Pair(2, Kind::failed), Pair(3, Kind::released)));
  EXPECT_EQ(failure_of(2).code, Code::hard_time_limit);
  EXPECT_THAT(started(), ElementsAre(2));
}

TEST_F(EndsTest, WhoRunsBesideTheOneThatIsKilledIsHandedBackAtNoCost) {
  settings.pools = {{"", 1, 2}};
  Spec limited = spec_of();
  limited.hard_timeout_ms = 100;
  begin_ready();
  dispatch(1, 1, limited);
  dispatch(2, 1);
  board[1] = {{1, now}, {2, now}};
  later(100ms);
  dies(1, SIGKILL);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::failed), Pair(2, Kind::released)));
}

TEST_F(EndsTest, TheSoftLimitIsToldOnceAndTheHandlerDecides) {
  Spec spec = spec_of();
  spec.soft_timeout_ms = 50;
  spec.hard_timeout_ms = 100;
  hold_three(spec);
  later(50ms);
  ASSERT_THAT(all<action::Cancel>(), SizeIs(1));
  EXPECT_EQ(all<action::Cancel>()[0].reason, Code::soft_time_limit);
  later(10ms);
  EXPECT_THAT(all<action::Cancel>(), SizeIs(1));
  failed(1, 1, Code::soft_time_limit);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::failed)));
}

TEST_F(EndsTest, MemoryBeyondTheLimitFailsWhatRuns) {
  hold_three();
  plan().over_memory(1, 64U << 20U);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::failed), Pair(2, Kind::released), Pair(3, Kind::released)));
  EXPECT_EQ(failure_of(1).code, Code::memory_limit);
  EXPECT_THAT(failure_of(1).message, HasSubstr("used 64 MiB"));
}

TEST_F(EndsTest, ARevokedJobIsToldAndItsProcessKilledAfterTheGrace) {
  hold_three();
  plan().revoke(now, {{{1, 1, 1}}, Code::cancelled, 500});
  ASSERT_THAT(all<action::Cancel>(), SizeIs(1));
  later(499ms);
  EXPECT_THAT(killed(), IsEmpty());
  later(1ms);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  EXPECT_THAT(ended(),
              ElementsAre(Pair(1, Kind::cancelled), Pair(2, Kind::released), Pair(3, Kind::released)));
}

TEST_F(EndsTest, ARevokedJobKeepsItsGraceWhenItIsToldAgain) {
  hold_three();
  plan().revoke(now, {{{1, 1, 1}}, Code::cancelled, 20'000});
  later(6s);
  plan().revoke(now, {{{1, 1, 1}, {2, 1, 1}}, Code::cancelled, protocol::grace_as_told});
  later(13'999ms);
  EXPECT_THAT(killed(), IsEmpty());
  later(1ms);
  EXPECT_THAT(killed(), ElementsAre(1));
}

TEST_F(EndsTest, ARevokedJobThatWasNotFedIsCancelledAtOnceAndOneOfAnotherAttemptIsNot) {
  begin_ready();
  dispatch(1, 3);
  actions.clear();
  plan().revoke(now, {{{2, 1, 1}, {3, 9, 1}}, Code::cancelled, 0});
  EXPECT_THAT(ended(), ElementsAre(Pair(2, Kind::cancelled)));
  EXPECT_EQ(plan().held(), 2);
}

TEST_F(EndsTest, ARevokedJobThatStopsByItselfIsCancelled) {
  hold_three();
  plan().revoke(now, {{{1, 1, 1}}, Code::cancelled, 500});
  failed(1, 1, Code::cancelled);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::cancelled)));
  board.clear();
  later(600ms);
  EXPECT_THAT(killed(), IsEmpty());
}

TEST_F(EndsTest, ADrainHandsBackWhatDidNotStartAndLetsTheOthersFinish) {
  settings.prefetch = 1;
  begin_ready();
  dispatch(1, 3);  // 1 runs, 2 was fed, 3 was not
  board[1] = {{1, now}};
  actions.clear();
  plan().drain(now);
  EXPECT_EQ(plan().capacity(), 0);
  EXPECT_THAT(ended(), ElementsAre(Pair(3, Kind::released)));
  ASSERT_THAT(all<action::Cancel>(), SizeIs(1));
  EXPECT_EQ(all<action::Cancel>()[0].job, 2);
  failed(1, 2, all<action::Cancel>()[0].reason);
  dispatch(9, 1);  // was on its way
  EXPECT_THAT(ended(),
              ElementsAre(Pair(2, Kind::released), Pair(3, Kind::released), Pair(9, Kind::released)));
  done(1, {1});
  EXPECT_THAT(stopped(), ElementsAre(1));
  exits(1);
  EXPECT_TRUE(plan().gone());
  EXPECT_THAT(started(), IsEmpty());
}

TEST_F(EndsTest, ADrainAsksAProcessWithoutBoardForWhatWaitsBehindItsOldestJob) {
  settings.prefetch = 5;
  begin_ready(false);
  dispatch(1, 3);
  actions.clear();
  plan().drain(now);
  ASSERT_THAT(all<action::Cancel>(), SizeIs(2));
  EXPECT_EQ(all<action::Cancel>()[0].job, 2);
  EXPECT_EQ(all<action::Cancel>()[1].job, 3);
  failed(1, 2, Code::shutting_down);
  done(1, {1, 3});  // it may as well run them
  EXPECT_THAT(ended(),
              ElementsAre(Pair(1, Kind::succeeded), Pair(2, Kind::released), Pair(3, Kind::succeeded)));
}

TEST_F(EndsTest, ADrainThatTakesTooLongKillsAndHandsBack) {
  hold_three();
  plan().drain(now);
  actions.clear();
  EXPECT_LE(plan().next_deadline(), now + 30s);
  later(30s);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  EXPECT_THAT(ended(),
              ElementsAre(Pair(1, Kind::released), Pair(2, Kind::released), Pair(3, Kind::released)));
  EXPECT_TRUE(plan().gone());
}

TEST_F(EndsTest, AProcessThatClosedItsSocketIsKilledIfItStays) {
  hold_three();
  plan().closed(now, 1);
  later(1s);
  EXPECT_THAT(killed(), ElementsAre(1));
  dies(1, SIGKILL);
  EXPECT_THAT(ended(), ElementsAre(Pair(1, Kind::crashed), Pair(2, Kind::released), Pair(3, Kind::released)));
}

// Whatever happens, each delivery ends exactly once, and nothing is held at the end.
TEST_F(EndsTest, EachDeliveryEndsOnceInAnyOrderOfEvents) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  settings.pools = {{"", 3, 2}};
  settings.max_jobs_per_process = 20;
  plan().begin(now);
  std::map<ProcessId, std::vector<JobId>> given;  // by process that is alive
  std::set<ProcessId> ready;
  std::map<JobId, int> ends;
  JobId next = 1;
  const auto take = [&] {
    for (const auto& start : all<action::Start>()) given[start.process];
    for (const auto& [id, jobs] : given) {
      for (const JobId job : fed(id)) given[id].push_back(job);
    }
    for (const auto& [job, kind] : ended()) ++ends[job];
    actions.clear();
  };
  take();
  for (int turn = 0; turn < 3000; ++turn) {
    now += Duration(random() % 20'000);
    if (turn == 2800) plan().drain(now);
    const auto pick =
        std::next(given.begin(), given.empty() ? 0 : static_cast<long>(random() % given.size()));
    switch (random() % 8) {
      case 0:
        dispatch(next, 1 + random() % 30);
        next += 30;
        break;
      case 1:
        if (!given.empty() && ready.insert(pick->first).second)
          plan().ready(now, pick->first, {1, {"work"}, true});
        break;
      case 2:
        if (given.empty() || random() % 10 != 0) break;
        board[pick->first].clear();
        if (!pick->second.empty()) board[pick->first] = {{pick->second.front(), now}};
        dies(pick->first);
        given.erase(pick);
        break;
      case 3:
        if (!given.empty() && !pick->second.empty()) {
          plan().revoke(now, {{{pick->second.back(), 1, 1}}, Code::cancelled, random() % 100});
        }
        break;
      case 4: plan().tick(now); break;
      default:
        if (given.empty() || pick->second.empty()) break;
        const JobId job = pick->second.front();
        pick->second.erase(pick->second.begin());
        if (random() % 4 == 0) {
          failed(pick->first, job);
        } else {
          done(pick->first, {job});
        }
    }
    take();
  }
  while (!given.empty()) {
    exits(given.begin()->first);
    given.erase(given.begin());
    take();
  }
  EXPECT_EQ(plan().held(), 0);
  EXPECT_GT(ends.size(), 100);
  for (const auto& [job, times] : ends) EXPECT_EQ(times, 1) << "job " << job;
}

}  // namespace
}  // namespace joinery::worker
