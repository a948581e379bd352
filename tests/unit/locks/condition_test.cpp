// Conditions: who is woken, and with which lock held.
#include <gmock/gmock.h>

#include <thread>

#include "fixture.h"
#include "shared/locks/inspect.h"

namespace joinery::locks {
namespace {

using testing::eventually;
using testing::RedisServer;

struct Conditions : ::testing::Test {
  RedisServer server;
  redis::Client redis{server.url()};
  Manager manager() { return Manager(server.url(), name_space); }
  std::size_t waiting() {
    const auto gates = list(redis, name_space);
    for (const auto& gate : *gates) {
      if (gate.kind == "condition") return gate.waiters.size();
    }
    return 0;
  }
};

TEST_F(Conditions, NotifyWakesThatManyAndNotifyAllTheRest) {
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Condition condition(manager(), "news");
      const std::lock_guard guard(condition);
      if (condition.wait(limit)) ++woken;
    });
  }
  Condition condition(manager(), "news");
  ASSERT_TRUE(eventually([&] { return waiting() == 4; }));
  condition.acquire();
  condition.notify();
  EXPECT_EQ(waiting(), 3U);
  condition.release();
  EXPECT_TRUE(eventually([&] { return woken == 1; }));
  condition.acquire();
  condition.notify_all();
  condition.release();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, 4);
}

TEST_F(Conditions, WaitForReturnsTheLastValueOfItsPredicate) {
  RLock lock(manager(), "news");
  Condition condition(lock);
  bool ready = false;
  std::thread teller([&] {
    EXPECT_TRUE(eventually([&] { return waiting() == 1; }));
    const std::lock_guard guard(lock);
    ready = true;
    condition.notify();
  });
  {
    const std::lock_guard guard(lock);
    const std::lock_guard again(lock);  // given up as a whole
    EXPECT_TRUE(condition.wait_for([&] { return ready; }, limit));
    EXPECT_FALSE(condition.wait_for([&] { return !ready; }, 5ms));
    EXPECT_TRUE(lock.owned());
  }
  EXPECT_FALSE(lock.locked());
  teller.join();
}

TEST_F(Conditions, EverythingNeedsTheLock) {
  Condition condition(manager(), "news");
  EXPECT_THROW(condition.wait(), ValueError);
  EXPECT_THROW(condition.notify(), ValueError);
  EXPECT_THROW(condition.notify_all(), ValueError);
}

TEST_F(Conditions, ATimeoutTakesTheLockAgain) {
  Lock lock(manager(), "news");
  Condition condition(lock);
  lock.acquire();
  EXPECT_FALSE(condition.wait(5ms));
  EXPECT_FALSE(condition.wait(0s));
  EXPECT_FALSE(condition.wait(-1s));
  EXPECT_FALSE(condition.wait_for([] { return false; }, -1s));
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(waiting(), 0U);
}

}  // namespace
}  // namespace joinery::locks
