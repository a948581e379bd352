// Barriers: opened, broken, reset.
#include <gmock/gmock.h>

#include <mutex>
#include <set>
#include <thread>

#include "fixture.h"
#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"

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

// A process that arrives at a barrier, and waits there.
Child party(const RedisServer& server, std::uint32_t parties) {
  return Child(server, [=](Manager& on) { Barrier(on, "start", parties).wait(limit); });
}

TEST_F(Barriers, AProcessKilledWhileItWaitsBreaksItForThoseWhoWait) {
  Child killed = party(server, 3);
  Barrier barrier(manager(), "start", 3);
  ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  std::thread other([&] { EXPECT_THROW(Barrier(manager(), "start", 3).wait(limit), BrokenBarrierError); });
  ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 2; }));
  killed.kill(SIGKILL);
  other.join();
  EXPECT_TRUE(barrier.broken());
}

TEST_F(Barriers, AProcessThatDiedBeforeTheLastCameHasNotArrived) {
  Child killed = party(server, 2);
  int actions = 0;
  Barrier barrier(manager(), "start", 2, [&] { ++actions; });
  ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  killed.kill(SIGKILL);
  killed.wait();
  EXPECT_THROW(barrier.wait(limit), BrokenBarrierError);
  EXPECT_EQ(actions, 0);
  EXPECT_TRUE(barrier.broken());
}

// Of another host, so that nobody here sees it.
TEST_F(Barriers, APartyThatDoesNotSayThatItStillWaitsHasNotArrived) {
  redis::Client redis{server.url()};
  const std::string gate = key_prefix(name_space) + "lock:barrier:start";
  Barrier barrier(manager(), "start", 2);
  const auto waits_until = [&](const std::string& lease_end) {
    redis.command({"HSET", gate + ":state", "parties", "2", "arrived", "1"});
    redis.command({"RPUSH", gate + ":line", "x"});
    const std::string process = "process:far:1:1:0-0";
    redis.command({"HSET", gate + ":waiters", "x", lease_end + "\n" + process + "\n" + process + "\n10000"});
    ASSERT_EQ(barrier.n_waiting(), 1U);
  };
  waits_until("1");
  EXPECT_THROW(barrier.wait(limit), BrokenBarrierError);
  barrier.reset();
  waits_until("99999999999999");
  EXPECT_EQ(barrier.wait(limit), 1U) << "as far as anybody knows, it lives";
}

TEST_F(Barriers, APartyThatWasStoppedForTooLongIsToldAndDoesNotArriveAgain) {
  Child stopped = party(server, 2);
  redis::Client redis{server.url()};
  const std::string waiters = key_prefix(name_space) + "lock:barrier:start:waiters";
  Barrier barrier(manager(), "start", 2);
  ASSERT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  stopped.kill(SIGSTOP);
  const auto waiter = redis.command({"HGETALL", waiters});
  ASSERT_EQ(waiter->list.size(), 2U);
  const std::string& record = waiter->list[1].text;
  redis.command({"HSET", waiters, waiter->list[0].text, "1" + record.substr(record.find('\n'))});
  EXPECT_THROW(barrier.wait(limit), BrokenBarrierError) << "for all that is known, it is dead";
  barrier.reset();
  std::thread other([&] { EXPECT_EQ(Barrier(manager(), "start", 2).wait(limit), 0U); });
  EXPECT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  stopped.kill(SIGCONT);
  EXPECT_EQ(stopped.wait(), 1) << "BrokenBarrierError";
  EXPECT_EQ(barrier.n_waiting(), 1U);
  EXPECT_EQ(barrier.wait(limit), 1U);
  other.join();
}

// Nobody told it: Redis has lost what it had, say.
TEST_F(Barriers, ToRenewAPlaceThatIsGoneIsNotToArrive) {
  const Manager on = manager();
  Barrier barrier(on, "start", 2);
  std::thread other([&] { EXPECT_EQ(Barrier(manager(), "start", 2).wait(limit), 0U); });
  EXPECT_TRUE(eventually([&] { return barrier.n_waiting() == 1; }));
  const auto renewed =
      call(on, arrive_script, {"barrier:start", "x", "owner", "process:far:1:1:0-0", "10000", "2", "1"},
           Repeat::safe);
  EXPECT_EQ(renewed.list.at(0).integer, -1);
  EXPECT_EQ(barrier.n_waiting(), 1U);
  EXPECT_EQ(barrier.wait(limit), 1U);
  other.join();
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
