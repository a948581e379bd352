// A pool process whose handlers wait: many jobs on one thread.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <map>
#include <set>

#include "pool.h"
#include "shared/protocol/pack.h"

namespace joinery::pool_process {
namespace {

using ::testing::HasSubstr;

class WaitingPool : public Pool {
 public:
  explicit WaitingPool(int concurrency, int threads = 1)
      : Pool(threads, true, {"CONCURRENCY=" + std::to_string(concurrency)}) {}
  std::set<JobId> running() {
    std::set<JobId> jobs;
    for (std::uint32_t i = 0; i < board().slots; ++i) jobs.insert(board().threads[i].running().first);
    jobs.erase(0);
    return jobs;
  }
};

TEST(WaitingHandlers, HundredsRunAtOnceOnOneThreadAndEachIsOnTheBoard) {
  WaitingPool pool(300);
  EXPECT_EQ(pool.board().slots, 300U);
  // Each waits until as many as the argument says have begun.
  pool.run("meet_waiting", 1, std::vector<Bytes>(299, pack(300)));
  pool.run("hold", 1000, {pack(0)});
  EXPECT_EQ(pool.receive_a<pool::Log>().job, 1000U);
  EXPECT_EQ(pool.running().size(), 300U);
  pool.send(pool::Cancel{1000, Code::cancelled});
  EXPECT_EQ(pool.outcomes(1)[0].failure.code, Code::cancelled);
  pool.run("meet_waiting", 2000, {pack(300)});
  for (const auto& outcome : pool.outcomes(300)) EXPECT_TRUE(outcome.ok) << outcome.failure.message;
  EXPECT_TRUE(pool.running().empty());
}

TEST(WaitingHandlers, OneMoreThanThereAreLanesWaitsForALane) {
  WaitingPool pool(2);
  pool.run("hold", 1, {pack(0), pack(0)});
  pool.receive_a<pool::Log>();
  pool.receive_a<pool::Log>();
  pool.run("add_waiting", 3, {pack(2, 3)});
  EXPECT_EQ(pool.running(), (std::set<JobId>{1, 2}));
  pool.send(pool::Cancel{1, Code::cancelled});
  const auto outcomes = pool.outcomes(2);
  EXPECT_EQ(outcomes[0].job, 1U);
  EXPECT_EQ(outcomes[1].job, 3U);
  EXPECT_EQ(unpack<int>(outcomes[1].result), 5);
}

TEST(WaitingHandlers, AJobThatIsCancelledInItsWaitEndsAndItsNeighboursGoOn) {
  WaitingPool pool(10);
  pool.run("hold", 1, {pack(0), pack(0)});
  pool.receive_a<pool::Log>();
  pool.receive_a<pool::Log>();
  pool.send(pool::Cancel{2, Code::cancelled});
  const auto first = pool.outcomes(1)[0];
  EXPECT_EQ(first.job, 2U);
  EXPECT_FALSE(first.ok);
  EXPECT_FALSE(first.retry);
  EXPECT_EQ(first.failure.code, Code::cancelled);
  EXPECT_EQ(pool.running(), (std::set<JobId>{1}));
}

TEST(WaitingHandlers, TheSoftTimeLimitEndsAWaitAndTheJobMayBeTriedAgain) {
  WaitingPool pool(10);
  pool.run("hold", 1, {pack(0)});
  pool.receive_a<pool::Log>();
  pool.send(pool::Cancel{1, Code::soft_time_limit});
  const auto outcome = pool.outcomes(1)[0];
  EXPECT_EQ(outcome.failure.code, Code::soft_time_limit);
  EXPECT_TRUE(outcome.retry);
}

TEST(WaitingHandlers, ExceptionsBadPayloadsAndLargeResultsFailTheirJobAlone) {
  WaitingPool pool(10);
  pool.run("throw_waiting", 1, {pack("no luck")});
  pool.run("add_waiting", 2, {pack("x", 3), pack(1)});
  pool.run("large_waiting", 4, {pack(limits::payload_max_default + 1), pack(3)});
  pool.run("unheard_of", 6, {pack(1)});
  std::map<JobId, pool::Done::One> outcomes;
  for (auto& one : pool.outcomes(6)) outcomes[one.job] = one;
  EXPECT_EQ(outcomes[1].failure.message, "no luck");
  EXPECT_TRUE(outcomes[1].retry);
  EXPECT_EQ(outcomes[2].failure.code, Code::malformed_payload);
  EXPECT_THAT(outcomes[3].failure.message, HasSubstr("1 argument, expected 2"));
  EXPECT_EQ(outcomes[4].failure.code, Code::unencodable_result);
  EXPECT_TRUE(outcomes[5].ok);
  EXPECT_EQ(outcomes[6].failure.code, Code::unknown_handler);
}

TEST(WaitingHandlers, HandlersThatDoNotWaitRunBesideThem) {
  WaitingPool pool(4);
  pool.run("hold", 1, {pack(0)});
  pool.receive_a<pool::Log>();
  pool.run("add", 2, std::vector<Bytes>(100, pack(2, 3)));
  for (const auto& outcome : pool.outcomes(100)) EXPECT_EQ(unpack<int>(outcome.result), 5);
  EXPECT_EQ(pool.running(), (std::set<JobId>{1}));
}

TEST(WaitingHandlers, SeveralThreadsHaveLanesEach) {
  WaitingPool pool(50, 4);
  EXPECT_EQ(pool.board().slots, 200U);
  pool.run("meet_waiting", 1, std::vector<Bytes>(200, pack(200)));
  for (const auto& outcome : pool.outcomes(200)) EXPECT_TRUE(outcome.ok);
}

TEST(WaitingHandlers, AProcessThatIsToldToStopEndsWhenThoseThatWaitHaveEnded) {
  WaitingPool pool(4);
  pool.run("hold", 1, {pack(0)});
  pool.receive_a<pool::Log>();
  pool.send(pool::Stop{});
  pool.send(pool::Cancel{1, Code::cancelled});
  EXPECT_EQ(pool.outcomes(1)[0].job, 1U);
  EXPECT_EQ(pool.wait(), 0);
}

TEST(WaitingHandlers, ACrashLeavesOnTheBoardThoseThatRan) {
  WaitingPool pool(4);
  pool.run("hold", 1, {pack(0), pack(0)});
  pool.receive_a<pool::Log>();
  pool.receive_a<pool::Log>();
  pool.run("crash", 3, {Bytes()});
  const int status = pool.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  EXPECT_EQ(pool.running(), (std::set<JobId>{1, 2, 3}));
}

}  // namespace
}  // namespace joinery::pool_process
