// Barriers: opened, broken, reset.
#include <gmock/gmock.h>

#include <mutex>
#include <set>
#include <thread>

#include "fixture.h"

namespace joinery::locks {
namespace {

using testing::eventually;
using testing::RedisServer;

struct Barriers : ::testing::Test {
  RedisServer server;
  Manager manager() { return Manager(server.url(), name_space); }
};

TEST_F(Barriers, OpensWhenAllHaveArrivedAgainAndAgain) {
  std::atomic<int> actions = 0;
  std::mutex mutex;
  std::vector<std::uint32_t> orders;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Barrier barrier(manager(), "start", 3, [&] { ++actions; });
      for (int round = 0; round < 5; ++round) {
        const auto order = barrier.wait(limit);
        EXPECT_GE(actions, round + 1);
        const std::lock_guard guard(mutex);
        orders.push_back(order);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(actions, 5);
  for (std::uint32_t order = 0; order < 3; ++order) EXPECT_EQ(std::ranges::count(orders, order), 5);
}

TEST_F(Barriers, ATimeoutBreaksItForAllUntilReset) {
  Barrier barrier(manager(), "start", 3);
  const auto broken = [](Barrier& at, locks::Timeout timeout) -> std::string {
    try {
      at.wait(timeout);
    } catch (const BrokenBarrierError& error) {
      return error.what();
    }
    return "not broken";
  };
  std::thread other([&] {
    Barrier same(manager(), "start", 3);
    EXPECT_EQ(broken(same, limit),
              "the barrier is broken: another party timed out, died, aborted or reset it");
  });
  ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  EXPECT_EQ(broken(barrier, 5ms),
            "the barrier is broken: this party's timeout has passed, and not all have come");
  other.join();
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(broken(barrier, limit),
            "the barrier is broken: it was before this party came, and has not been reset");
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0U);
  for (const auto timeout : {0s, -1s}) {
    EXPECT_THROW(barrier.wait(timeout), BrokenBarrierError) << "and does not wait";
    barrier.reset();
  }
}

TEST_F(Barriers, AbortAndResetTellThoseWhoWait) {
  Barrier barrier(manager(), "start", 2);
  for (const bool abort : {true, false}) {
    std::thread other([&] { EXPECT_THROW(Barrier(manager(), "start", 2).wait(limit), BrokenBarrierError); });
    ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
    abort ? barrier.abort() : barrier.reset();
    other.join();
    EXPECT_EQ(barrier.broken(), abort);
    barrier.reset();
  }
}

TEST_F(Barriers, AnActionThatThrowsBreaksIt) {
  Barrier barrier(manager(), "start", 1, [] { throw std::runtime_error("no"); });
  EXPECT_THROW(barrier.wait(), std::runtime_error);
  EXPECT_TRUE(barrier.broken());
}

TEST_F(Barriers, AnotherNumberOfPartiesIsRefused) {
  EXPECT_EQ(Barrier(manager(), "start", 1).wait(), 0U);
  EXPECT_THROW(Barrier(manager(), "start", 2).wait(), ValueError);
  EXPECT_THROW(Barrier(manager(), "start", 0), ValueError);
}

}  // namespace
}  // namespace joinery::locks
