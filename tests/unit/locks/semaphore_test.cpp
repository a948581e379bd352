// Semaphores and events.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "fixture.h"

namespace joinery::locks {
namespace {

using testing::eventually;
using testing::RedisServer;

struct Semaphores : ::testing::Test {
  RedisServer server;
  Manager manager() { return Manager(server.url(), name_space); }
};

TEST_F(Semaphores, NoMoreThanValueHoldItAtOnce) {
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      Semaphore doors(manager(), "doors", 3);
      for (int turn = 0; turn < 10; ++turn) {
        const std::lock_guard guard(doors);
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(Semaphore(manager(), "doors", 3).get_value(), 3);
}

TEST_F(Semaphores, ReleaseWithoutAPermitRaisesTheValueOfASemaphoreOnly) {
  Semaphore free(manager(), "free", 0);
  EXPECT_FALSE(free.acquire(true, 5ms));
  free.release(2);
  EXPECT_EQ(free.get_value(), 2);
  EXPECT_TRUE(free.acquire(false));

  BoundedSemaphore bounded(manager(), "bounded", 1);
  EXPECT_THROW(bounded.release(), ValueError);
  bounded.acquire();
  bounded.release();
  EXPECT_THROW(bounded.release(), ValueError);
  EXPECT_EQ(bounded.get_value(), 1);
}

TEST_F(Semaphores, WaitersAreWokenByARelease) {
  Semaphore signal(manager(), "signal", 0);
  std::thread waiter([&] { EXPECT_TRUE(Semaphore(manager(), "signal", 0).acquire(true, limit)); });
  signal.release();
  waiter.join();
}

TEST_F(Semaphores, PermitsOfAKilledProcessComeBack) {
  Child child(server, [](Manager& on) {
    Semaphore doors(on, "doors", 2, {.lease = 1h});
    doors.acquire();
    doors.acquire();
    ::pause();
  });
  Semaphore doors(manager(), "doors", 2);
  ASSERT_TRUE(eventually([&] { return doors.get_value() == 0; }));
  child.kill(SIGKILL);
  EXPECT_TRUE(doors.acquire(true, limit));
  EXPECT_TRUE(doors.acquire(true, limit));
}

TEST_F(Semaphores, AnotherValueIsRefused) {
  const Semaphore doors(manager(), "doors", 2);
  EXPECT_THROW(Semaphore(manager(), "doors", 3), ValueError);
}

TEST_F(Semaphores, AnEventWakesAllWhoWait) {
  Event event(manager(), "start");
  EXPECT_FALSE(event.wait(0s));
  EXPECT_FALSE(event.wait(5ms));
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { woken += Event(manager(), "start").wait(limit) ? 1 : 0; });
  }
  event.set();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, 4);
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

}  // namespace
}  // namespace joinery::locks
