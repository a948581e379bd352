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

// In the line before one who lives, in a process of its own, and killed there.
struct DeadWaiters : Conditions {
  Child waiter() {
    return Child(server, [](Manager& on) {
      Condition condition(on, "news");
      const std::lock_guard guard(condition);
      condition.wait();
    });
  }
};

TEST_F(DeadWaiters, ANotificationIsNotSpentOnThem) {
  std::vector<Child> dead;
  for (std::size_t i = 1; i <= 3; ++i) {
    dead.push_back(waiter());
    ASSERT_TRUE(eventually([&] { return waiting() == i; }));
  }
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 4; i <= 5; ++i) {
    threads.emplace_back([&] {
      Condition condition(manager(), "news");
      const std::lock_guard guard(condition);
      if (condition.wait(limit)) ++woken;
    });
    ASSERT_TRUE(eventually([&] { return waiting() == i; }));
  }
  Condition condition(manager(), "news");
  condition.acquire();
  for (Child& child : dead) {
    child.kill(SIGKILL);
    child.wait();
  }
  condition.notify();
  condition.release();
  EXPECT_TRUE(eventually([&] { return woken == 1; }));
  condition.acquire();
  condition.notify();
  condition.release();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, 2);
}

TEST_F(DeadWaiters, WhoStandsBehindThemSeesThemOutOfTheLine) {
  Child dead = waiter();
  ASSERT_TRUE(eventually([&] { return waiting() == 1; }));
  std::thread behind([&] {
    Condition condition(manager(), "news");
    const std::lock_guard guard(condition);
    EXPECT_TRUE(condition.wait(limit));
  });
  ASSERT_TRUE(eventually([&] { return waiting() == 2; }));
  dead.kill(SIGKILL);
  EXPECT_TRUE(eventually([&] { return waiting() == 1; })) << "though nobody notifies";
  Condition condition(manager(), "news");
  condition.acquire();
  condition.notify();
  condition.release();
  behind.join();
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
