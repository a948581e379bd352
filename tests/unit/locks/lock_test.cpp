// Lock and RLock among threads and processes.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "fixture.h"
#include "shared/locks/inspect.h"

namespace joinery::locks {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using testing::RedisServer;

struct Locks : ::testing::Test {
  RedisServer server;
  redis::Client redis{server.url()};

  Manager manager(ManagerOptions options = {}) { return Manager(server.url(), name_space, options); }
  std::size_t waiting(const std::string& name) {
    const auto gates = list(redis, name_space);
    for (const auto& gate : *gates) {
      if (gate.name == name) return gate.waiters.size();
    }
    return 0;
  }
};

TEST_F(Locks, ExcludesOthersAndFitsTheGuardsOfTheStandard) {
  Lock lock(manager(), "stock");
  Lock same(manager(), "stock");
  {
    const std::lock_guard guard(lock);
    EXPECT_TRUE(lock.owned());
    EXPECT_TRUE(same.locked());
    EXPECT_FALSE(same.try_lock());
  }
  EXPECT_FALSE(same.locked());
  std::unique_lock unique(same, std::try_to_lock);
  EXPECT_TRUE(unique.owns_lock());
  unique.unlock();
  std::unique_lock timed(lock, 5s);
  EXPECT_TRUE(timed.owns_lock());
}

TEST_F(Locks, FencesGrowWithEachAcquisitionOfAnyLockOfTheNamespace) {
  Lock lock(manager(), "a");
  Lock other(manager(), "b");
  std::uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    for (Lock* one : {&lock, &other}) {
      const std::lock_guard guard(*one);
      EXPECT_GT(one->fence(), last);
      last = one->fence();
    }
  }
  EXPECT_THROW((void)lock.fence(), ValueError);
}

TEST_F(Locks, TimeoutsOfZeroAndLessDoNotWait) {
  Lock lock(manager(), "stock");
  Lock other(manager(), "stock");
  lock.acquire();
  EXPECT_FALSE(other.acquire(false));
  EXPECT_THROW(other.acquire(false, 5s), ValueError) << "as Python's";
  EXPECT_FALSE(other.acquire(true, 0s));
  EXPECT_FALSE(other.acquire(true, -1s));
  EXPECT_FALSE(other.acquire(true, 20ms));
  lock.release();
  EXPECT_TRUE(other.acquire(true, 0s));
  EXPECT_EQ(waiting("stock"), 0U);
}

TEST_F(Locks, ReleasingTwiceOrWhatAnotherHoldsIsAnError) {
  Lock lock(manager(), "stock");
  EXPECT_THROW(lock.release(), ValueError);
  lock.acquire();
  Lock stranger(manager(), "stock");
  EXPECT_THROW(stranger.release(), ValueError);
  std::thread([&] { EXPECT_THROW(lock.release(), ValueError); }).join();
  lock.release();
  EXPECT_THROW(lock.release(), ValueError);
}

TEST_F(Locks, AnRLockIsReleasedAsOftenAsItWasAcquired) {
  RLock lock(manager(), "stock");
  lock.acquire();
  const auto fence = lock.fence();
  EXPECT_TRUE(lock.acquire(false));
  EXPECT_EQ(lock.fence(), fence);
  std::thread([&] { EXPECT_FALSE(lock.acquire(false)); }).join();
  lock.release();
  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), ValueError);
}

TEST_F(Locks, IsHandedOverInTheOrderOfArrival) {
  Lock lock(manager(), "stock");
  lock.acquire();
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const std::lock_guard guard(lock);
      const std::lock_guard orders(mutex);
      order.push_back(i);
    });
    ASSERT_TRUE(eventually([&] { return waiting("stock") == static_cast<std::size_t>(i) + 1; }));
  }
  lock.release();
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(Locks, WaitersSendNothingWhileTheyWait) {
  Lock lock(manager(), "stock");
  lock.acquire();
  std::thread waiter([&] {
    Lock other(manager(), "stock");
    EXPECT_TRUE(other.acquire(true, limit));
    other.release();
  });
  ASSERT_TRUE(eventually([&] { return waiting("stock") == 1 && calls(redis, "blpop") == 1; }));
  const auto before = calls(redis, "evalsha");
  std::this_thread::sleep_for(300ms);  // the time in which nothing may happen
  EXPECT_EQ(calls(redis, "evalsha"), before);
  EXPECT_EQ(calls(redis, "blpop"), 1U);
  lock.release();
  waiter.join();
  EXPECT_EQ(calls(redis, "blpop"), 1U);
}

TEST_F(Locks, TenProcessesNeverHoldItTogether) {
  std::vector<Child> children;
  for (int i = 0; i < 10; ++i) {
    children.emplace_back(server, [this](Manager& on) {
      Lock lock(on, "stock");
      redis::Client mine(server.url());
      for (int turn = 0; turn < 20; ++turn) {
        const std::lock_guard guard(lock);
        const auto seen = mine.command({"GET", "unguarded"})->text;
        mine.command({"SET", "unguarded", std::to_string(std::atoi(seen.c_str()) + 1)});
      }
    });
  }
  for (auto& child : children) EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(redis.command({"GET", "unguarded"})->text, "200");
  EXPECT_TRUE(list(redis, name_space)->empty());
}

TEST_F(Locks, IdleLocksLeaveNoKeys) {
  {
    Lock lock(manager(), "stock");
    lock.acquire();
    Lock other(manager(), "stock");
    EXPECT_FALSE(other.acquire(true, 5ms));
  }
  const auto keys = redis.command({"KEYS", "*"})->list;
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].text, "joinery:{test}:fence");
}

TEST_F(Locks, ALostLeaseIsKnownToItsHolderAndFoundAtRelease) {
  Lock lock(manager(), "stock", {.lease = 200ms});
  lock.acquire();
  server.freeze();
  EXPECT_TRUE(eventually([&] { return lock.lost(); }));
  server.thaw();
  EXPECT_TRUE(lock.lost());
  EXPECT_FALSE(lock.owned());
  EXPECT_THROW(lock.release(), LockLost);
  EXPECT_THROW(lock.release(), ValueError);
  const std::lock_guard guard(lock);
  EXPECT_FALSE(lock.lost());
}

TEST_F(Locks, ALeaseIsRenewedForAsLongAsItsHolderLives) {
  Lock lock(manager(), "stock", {.lease = 150ms});
  Lock other(manager(), "stock");
  lock.acquire();
  EXPECT_FALSE(other.acquire(true, 700ms));
  EXPECT_FALSE(lock.lost());
  lock.release();
}

TEST_F(Locks, RedisGoneIsAnExceptionAndWorkGoesOnWhenItIsBack) {
  Lock lock(manager({.timeout = 200ms}), "stock");
  lock.acquire();
  lock.release();
  server.kill();
  try {
    lock.acquire();
    FAIL() << "it was acquired without Redis";
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), Code::redis_unreachable);
  }
  server.start();
  const std::lock_guard guard(lock);
  EXPECT_TRUE(lock.owned());
}

TEST_F(Locks, WhoWaitsWhileRedisStartsAnewGoesOnWaiting) {
  Lock lock(manager({.timeout = 30s}), "stock");
  lock.acquire();
  std::atomic<bool> acquired = false;
  std::thread waiter([&] {
    Lock other(manager({.timeout = 30s}), "stock");
    acquired = other.acquire(true, limit);
  });
  ASSERT_TRUE(eventually([&] { return waiting("stock") == 1; }));
  server.kill();  // and forgets everything
  server.start();
  waiter.join();
  EXPECT_TRUE(acquired);
  EXPECT_THROW(lock.release(), LockLost);
}

TEST_F(Locks, NamesAndLeasesAreChecked) {
  EXPECT_THROW(Lock(manager(), ""), ValueError);
  EXPECT_THROW(Lock(manager(), "a\nb"), ValueError);
  EXPECT_THROW(Lock(manager(), "a", {.lease = 1ms}), ValueError);
  EXPECT_THROW(Manager(server.url(), "a{b}"), ValueError);
  EXPECT_THROW(Manager("http://x", "a"), Exception);
}

TEST_F(Locks, AManagerFromBeforeAForkIsRefusedInTheChild) {
  Manager before = manager();
  Child child(server, [&](Manager&) {
    try {
      Lock(before, "stock").acquire();
    } catch (const Exception& error) {
      if (error.code() == Code::invalid_state) return;
    }
    throw std::runtime_error("it was not refused");
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Locks, AreListedWithHolderTokenAndWaiters) {
  Lock lock(manager({.owner = "job:7:1"}), "stock");
  lock.acquire();
  std::thread waiter([&] { Lock(manager(), "stock").acquire(true, limit); });
  ASSERT_TRUE(eventually([&] { return waiting("stock") == 1; }));
  const auto gates = list(redis, name_space);
  ASSERT_EQ(gates->size(), 1U);
  const GateState& gate = gates->front();
  EXPECT_EQ(gate.kind, "lock");
  EXPECT_EQ(gate.permits, 1);
  ASSERT_EQ(gate.holders.size(), 1U);
  EXPECT_EQ(gate.holders[0].owner, "job:7:1");
  EXPECT_EQ(gate.holders[0].token, lock.fence());
  EXPECT_GT(gate.holders[0].since_ms, 1'600'000'000'000);
  EXPECT_GT(gate.holders[0].lease_left_ms, 0);
  EXPECT_THAT(gate.waiters[0].owner, HasSubstr("process:"));
  lock.release();
  waiter.join();
}

}  // namespace
}  // namespace joinery::locks
