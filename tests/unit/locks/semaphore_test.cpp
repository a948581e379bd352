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
  EXPECT_THROW(free.acquire(false, 5s), ValueError);

  BoundedSemaphore bounded(manager(), "bounded", 1);
  EXPECT_THROW(bounded.release(), ValueError);
  bounded.acquire();
  bounded.release();
  EXPECT_THROW(bounded.release(), ValueError);
  EXPECT_EQ(bounded.get_value(), 1);
}

TEST_F(Semaphores, TimeoutsOfZeroAndLessDoNotWait) {
  Semaphore doors(manager(), "doors", 1);
  Semaphore other(manager(), "doors", 1);
  doors.acquire();
  EXPECT_FALSE(other.acquire(false));
  EXPECT_FALSE(other.acquire(true, 0s));
  EXPECT_FALSE(other.acquire(true, -1s));
  doors.release();
  EXPECT_TRUE(other.acquire(true, -1s));
  Event event(manager(), "start");
  EXPECT_FALSE(event.wait(-1s));
  event.set();
  EXPECT_TRUE(event.wait(-1s));
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

// Of all that waits in a line; a Lock's own is in lock_test.cpp.
TEST_F(Semaphores, RedisGoneIsAnExceptionAndWorkGoesOnWhenItIsBack) {
  const Manager on(server.url(), name_space, {.timeout = 200ms});
  Semaphore doors(on, "doors", 2);
  Event event(on, "start");
  Barrier barrier(on, "end", 1);
  Condition condition(on, "news");
  condition.acquire();
  server.kill();
  const std::vector<std::function<void()>> calls{
      [&] { doors.acquire(); },    [&] { doors.get_value(); },    [&] { event.set(); },
      [&] { event.wait(limit); },  [&] { barrier.wait(limit); },  [&] { barrier.reset(); },
      [&] { condition.notify(); }, [&] { condition.wait(limit); }};
  for (const auto& call : calls) {
    try {
      call();
      ADD_FAILURE() << "done without Redis";
    } catch (const Exception& error) {
      EXPECT_EQ(error.code(), Code::redis_unreachable);
    }
  }
  server.start();  // and it has forgotten everything
  EXPECT_TRUE(doors.acquire(true, limit));
  event.set();
  EXPECT_TRUE(event.wait(limit));
  EXPECT_EQ(barrier.wait(limit), 0U);
  EXPECT_THROW(condition.release(), LockLost);
  EXPECT_TRUE(condition.acquire(true, limit));
}

}  // namespace
}  // namespace joinery::locks
