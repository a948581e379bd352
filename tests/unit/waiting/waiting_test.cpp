// Coroutines on an event loop, without jobs.
#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <thread>

#include "worker/waiting/strand.h"

namespace joinery::waiting {
namespace {

using namespace std::chrono_literals;

// Coroutines that take turns, until all have ended.
class WaitingTest : public ::testing::Test {
 protected:
  template <typename R>
  std::size_t start(Coroutine<R>& coroutine) {
    Strand& strand = strands_.emplace_back(loop_, [this] { ++ended_; });
    strand.begin(coroutine.handle());
    return strands_.size() - 1;
  }
  void run() {
    while (ended_ < strands_.size()) loop_.turn(true);
  }
  Strand& strand(std::size_t index) { return strands_[index]; }

  EventLoop loop_;
  std::deque<Strand> strands_;
  std::size_t ended_ = 0;
};

Coroutine<int> later(int value, Duration duration) {
  co_await Sleep(duration);
  co_return value;
}

Coroutine<int> sum(int number) {
  int all = 0;
  for (int i = 1; i <= number; ++i) all += co_await later(i, 0ms);
  co_return all;
}

Coroutine<> fail_later() {
  co_await Sleep(1ms);
  throw std::runtime_error("as promised");
}

Coroutine<std::string> catching() {
  try {
    co_await fail_later();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

TEST_F(WaitingTest, ACoroutineAwaitsOthersAndReturnsAValue) {
  auto coroutine = sum(100);
  start(coroutine);
  run();
  EXPECT_EQ(coroutine.take(), 5050);
}

TEST_F(WaitingTest, AnExceptionComesOutOfTheAwait) {
  auto caught = catching();
  auto thrown = fail_later();
  start(caught);
  start(thrown);
  run();
  EXPECT_EQ(caught.take(), "as promised");
  EXPECT_THROW(thrown.take(), std::runtime_error);
}

TEST_F(WaitingTest, AThousandWaitAtOnce) {
  int there = 0;
  const auto meet = [](int& number) -> Coroutine<> {
    ++number;
    while (number < 1000) co_await Sleep(100us);
  };
  std::deque<Coroutine<>> all;
  for (int i = 0; i < 1000; ++i) start(all.emplace_back(meet(there)));
  run();
  EXPECT_EQ(there, 1000);
}

TEST_F(WaitingTest, OneThatIsCancelledIsWokenByAnExceptionAndEveryLaterWaitThrows) {
  int thrown = 0;
  const auto stubborn = [](int& count) -> Coroutine<> {
    for (int i = 0; i < 3; ++i) {
      try {
        co_await Sleep(1h);
      } catch (const Cancelled&) {
        ++count;
      }
    }
    co_await Sleep(1h);
  };
  auto coroutine = stubborn(thrown);
  const auto index = start(coroutine);
  strand(index).cancel();
  EXPECT_EQ(ended_, 1U);
  EXPECT_EQ(thrown, 3);
  EXPECT_THROW(coroutine.take(), Cancelled);
}

TEST_F(WaitingTest, AnotherThreadTellsOnceItIsReadyOrNeverTooLate) {
  const auto told = [](std::thread& by) -> Coroutine<int> {
    Told wait;
    by = std::thread(wait.teller());
    co_await wait;
    co_return 7;
  };
  std::thread by;
  auto coroutine = told(by);
  start(coroutine);
  run();
  by.join();
  EXPECT_EQ(coroutine.take(), 7);
}

TEST_F(WaitingTest, WhatIsToldAfterTheLoopHasGoneIsDropped) {
  std::function<void()> teller;
  {
    EventLoop loop;
    bool ended = false;
    Strand strand(loop, [&ended] { ended = true; });
    const auto told = [](std::function<void()>& to) -> Coroutine<> {
      Told wait;
      to = wait.teller();
      co_await wait;
    };
    auto coroutine = told(teller);
    strand.begin(coroutine.handle());
    strand.cancel();
    EXPECT_TRUE(ended);
  }
  teller();
}

TEST_F(WaitingTest, ADescriptorIsWatchedUntilItIsNot) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  int calls = 0;
  loop_.watch(ends[0], EPOLLIN, [&](std::uint32_t) {
    ++calls;
    loop_.unwatch(ends[0]);
  });
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  loop_.turn(true);
  loop_.turn(false);
  EXPECT_EQ(calls, 1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(WaitingTest, ToWaitOutsideOfAStrandIsAMistakeThatIsNamed) {
  auto coroutine = later(1, 1ms);
  coroutine.handle().resume();
  EXPECT_THROW(coroutine.take(), std::logic_error);
}

}  // namespace
}  // namespace joinery::waiting
