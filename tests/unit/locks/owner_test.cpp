// Locks whose owner died (cpython 88304: a lock whose holder was killed is never free again).
#include <gmock/gmock.h>

#include <thread>

#include "fixture.h"
#include "shared/locks/inspect.h"
#include "shared/locks/release_owner.h"
#include "shared/manager/owner.h"

namespace joinery::locks {
namespace {

using testing::eventually;
using testing::RedisServer;

struct DeadOwners : ::testing::Test {
  RedisServer server;
  redis::Client redis{server.url()};

  std::vector<GateState> gates() { return *list(redis, name_space); }
  Child holder(std::chrono::milliseconds lease, std::string owner = {}) {
    return Child(server, [=](Manager& on) {
      Lock lock(owner.empty() ? on : on.owned_by(owner), "stock", {.lease = lease});
      lock.acquire();
      ::pause();
    });
  }
};

TEST_F(DeadOwners, AKilledProcessOfThisHostLosesItsLockAtOnce) {
  Child killed = holder(1h);
  ASSERT_TRUE(eventually([&] { return gates().size() == 1; }));
  const auto token = gates()[0].holders[0].token;
  std::thread killer([&] {
    EXPECT_TRUE(eventually([&] { return gates()[0].waiters.size() == 1; }));
    killed.kill(SIGKILL);
  });
  Lock lock(Manager(server.url(), name_space), "stock");
  EXPECT_TRUE(lock.acquire(true, limit));  // long before the lease of an hour
  EXPECT_GT(lock.fence(), token);
  killer.join();
}

TEST_F(DeadOwners, AProcessThatDiedBeforeAnybodyWaitedIsFoundToo) {
  Child killed = holder(1h);
  ASSERT_TRUE(eventually([&] { return gates().size() == 1; }));
  killed.kill(SIGKILL);
  killed.wait();
  Lock lock(Manager(server.url(), name_space), "stock");
  EXPECT_TRUE(lock.acquire(true, limit));
}

TEST_F(DeadOwners, OneWhoDiesInTheLineHoldsUpNobody) {
  std::vector<Child> children;
  children.push_back(holder(1h));
  ASSERT_TRUE(eventually([&] { return gates().size() == 1; }));
  children.emplace_back(holder(1h));
  ASSERT_TRUE(eventually([&] { return gates()[0].waiters.size() == 1; }));
  std::thread killer([&] {
    EXPECT_TRUE(eventually([&] { return gates()[0].waiters.size() == 2; }));
    for (auto& child : children) child.kill(SIGKILL);
  });
  Lock lock(Manager(server.url(), name_space), "stock");
  EXPECT_TRUE(lock.acquire(true, limit));
  killer.join();
}

// A process elsewhere is not seen from here: another boot is named.
TEST_F(DeadOwners, AnUnknownOwnersLockIsFreeWhenItsLeaseEnds) {
  {
    // A holder whose process is told under a name that nobody here can watch.
    const std::string prefix = key_prefix(name_space);
    const auto time = redis.command({"TIME"});
    const auto now = std::stoll(time->list[0].text) * 1000;
    redis.command({"ZADD", prefix + "lock:lock:stock:leases", std::to_string(now + 1500),
                   "x\n1\n1\njob:1:1\nprocess:far:1:1:0-0\n500"});
  }
  Lock lock(Manager(server.url(), name_space), "stock");
  EXPECT_FALSE(lock.acquire(false));
  EXPECT_TRUE(lock.acquire(true, limit));
}

TEST_F(DeadOwners, ASupervisorReleasesWhatADeliveryHeld) {
  const std::string owner = manager_detail::job_owner(7, 42);
  Manager manager(server.url(), name_space);
  Lock first(manager.owned_by(owner), "first", {.lease = 1h});
  Lock second(manager.owned_by(owner), "second", {.lease = 1h});
  first.acquire();
  second.acquire();
  std::thread waiter([&] {
    Lock other(manager, "first");
    EXPECT_TRUE(other.acquire(true, limit));
  });
  ASSERT_TRUE(eventually([&] {
    const auto all = gates();
    return all.size() == 2 && all[0].waiters.size() == 1;
  }));
  EXPECT_EQ(release_owner(redis, name_space, owner), 2U);
  waiter.join();
  EXPECT_EQ(release_owner(redis, name_space, owner), 0U);
  EXPECT_THROW(first.release(), LockLost);
  EXPECT_TRUE(Lock(manager, "second").acquire(false));
}

// Of a process that nobody knows to be dead, at locks that nobody asks for any more.
TEST_F(DeadOwners, WhatTheyHeldAndWaitedForIsForgottenThoughNobodyAsksForIt) {
  const std::string prefix = key_prefix(name_space);
  const std::string process = "process:far:1:1:0-0";
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const std::string held = prefix + "lock:lock:held-" + number;
    redis.command(
        {"ZADD", held + ":leases", "1", "h" + number + "\n1\n1\n" + process + "\n" + process + "\n500"});
    redis.command({"ZADD", prefix + "locks", "0", process + "\nlock:held-" + number + "\nh" + number});
    const std::string event = prefix + "lock:event:" + number;
    redis.command({"RPUSH", event + ":line", "w" + number});
    redis.command({"HSET", event + ":waiters", "w" + number, "1\n" + process + "\n" + process + "\n500"});
    redis.command({"ZADD", prefix + "locks", "0", process + "\nevent:" + number + "\nw" + number});
  }
  Lock lock(Manager(server.url(), name_space), "other");
  const auto keys = [&] { return redis.command({"KEYS", "*"})->list.size(); };
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 128; ++i) {
      lock.acquire();
      lock.release();
    }
    return keys() == 1;  // the fence
  }));
}

}  // namespace
}  // namespace joinery::locks
