// Each verb of the queues, as a user's program calls it.
#include <gmock/gmock.h>
#include <joinery/queue.h>

#include <future>
#include <map>
#include <set>
#include <thread>

#include "tests/support/stack.h"

namespace joinery {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Stack;

constexpr auto limit = 60s;

class QueueEndToEnd : public ::testing::Test {
 protected:
  QueueSettings with(std::optional<std::uint64_t> maxsize = {}, std::optional<Mode> mode = {}) const {
    QueueSettings settings;
    settings.endpoint = stack.endpoint();
    settings.maxsize = maxsize;
    settings.mode = mode;
    return settings;
  }
  Stack stack;
};

TEST_F(QueueEndToEnd, GivesItemsInTheOrderOfTheirPuts) {
  Queue<std::string> queue("words", with());
  for (const char* word : {"a", "b", "c"}) queue.put(word);
  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(true, limit), "b");
  EXPECT_EQ(queue.get_nowait(), "c");
  EXPECT_THROW(queue.get_nowait(), Empty);
}

TEST_F(QueueEndToEnd, TimeoutsOfZeroAndLessDoNotWait) {
  Queue<int> queue("numbers", with(1));
  EXPECT_THROW(queue.get(true, 0ms), Empty);
  EXPECT_THROW(queue.get(true, -5s), Empty);
  EXPECT_THROW(queue.get(true, 20ms), Empty);
  queue.put(1);
  EXPECT_THROW(queue.put(2, {.timeout = 0ms}), Full);
  EXPECT_THROW(queue.put(2, {.timeout = -5s}), Full);
  EXPECT_THROW(queue.put(2, {.timeout = 20ms}), Full);
  EXPECT_THROW(queue.put_nowait(2), Full);
  EXPECT_EQ(queue.get(true, 0ms), 1);
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueEndToEnd, APutToAFullQueueWaitsForRoom) {
  Queue<int> queue("small", with(2));
  queue.put(1);
  queue.put(2);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.qsize(), 2U);
  auto third = std::async(std::launch::async, [&] { queue.put(3); });
  EXPECT_EQ(third.wait_for(20ms), std::future_status::timeout);
  EXPECT_EQ(queue.get(), 1);
  third.get();
  EXPECT_EQ(queue.get(), 2);
  EXPECT_EQ(queue.get(), 3);
}

TEST_F(QueueEndToEnd, LowestPriorityComesFirstAtTheMomentOfTheGet) {
  Queue<std::string> queue("urgent", with({}, Mode::priority));
  queue.put("later", {.priority = 5});
  queue.put("soon", {.priority = 2});
  queue.flush();
  EXPECT_EQ(queue.get(), "soon");
  queue.put("now", {.priority = -1});
  queue.flush();
  EXPECT_EQ(queue.get(), "now");
  EXPECT_EQ(queue.get(), "later");
}

TEST_F(QueueEndToEnd, ALifoQueueGivesTheLastOneFirst) {
  Queue<int> queue("stack", with({}, Mode::lifo));
  queue.put_many({1, 2, 3});
  queue.flush();
  EXPECT_EQ(queue.get(), 3);
  queue.put(4);
  queue.flush();
  EXPECT_EQ(queue.get_nowait(), 4);
  EXPECT_EQ(queue.get_nowait(), 2);
  EXPECT_EQ(queue.get_nowait(), 1);
  EXPECT_THROW(queue.get_nowait(), Empty);
}

// Those that were taken ahead wait, too, here or on their way here or back.
TEST_F(QueueEndToEnd, IsEmptyWhenAllItemsWereGot) {
  Queue<int> queue("numbers", with());
  for (int round = 0; round < 100; ++round) {
    const auto number = static_cast<std::uint64_t>(1 + round % 20);
    for (std::uint64_t i = 0; i < number; ++i) queue.put(0);
    if (round % 2 == 0) queue.flush();
    for (std::uint64_t left = number; left > 0; --left) {
      ASSERT_EQ(queue.qsize(), left) << "of " << number << " in round " << round;
      ASSERT_FALSE(queue.empty());
      queue.get();
    }
    ASSERT_TRUE(queue.empty());
  }
}

TEST_F(QueueEndToEnd, CountsItemsThatGoBackToTheBroker) {
  Queue<int> queue("numbers", with());
  queue.put_many(std::vector<int>(100, 0));
  queue.flush();
  for (int i = 0; i < 20; ++i) queue.get();  // it takes some ahead by now
  const auto shown = [&] { return stack.joinery({"queue", "show", "numbers", "--json"}).out; };
  EXPECT_TRUE(testing::eventually([&] {
    EXPECT_EQ(queue.qsize(), 80U);
    return shown().find("\"ready\":80") != std::string::npos;
  })) << shown();
}

// Another handle would go on as if it had the old one.
TEST_F(QueueEndToEnd, AnotherModeThanTheQueueHasIsRefusedThoughItIsEmpty) {
  Queue<int> stack_of("stack", with({}, Mode::lifo));
  try {
    Queue<int> queue("stack", with({}, Mode::fifo));
    ADD_FAILURE() << "expected a ClientError";
  } catch (const ClientError& error) {
    EXPECT_EQ(error.code(), Code::invalid_state);
    EXPECT_THAT(error.what(), HasSubstr("queue stack has mode lifo, not fifo"));
  }
  Queue<int> same("stack", with({}, Mode::lifo));
  Queue<int> any("stack", with(10));  // as it is
  any.put_many({1, 2, 3});
  any.flush();
  EXPECT_EQ(any.get(), 3);
  EXPECT_EQ(same.get(), 2);
}

TEST_F(QueueEndToEnd, BulkPutsAndGets) {
  Queue<int> queue("bulk", with());
  std::vector<int> numbers(10'000);
  for (int i = 0; i < 10'000; ++i) numbers[static_cast<std::size_t>(i)] = i;
  queue.put_many(numbers);
  std::vector<int> got;
  while (got.size() < numbers.size()) {
    for (const int number : queue.get_many(1000)) got.push_back(number);
  }
  EXPECT_EQ(got, numbers);
  EXPECT_THROW(queue.get_many(5, false), Empty);
}

TEST_F(QueueEndToEnd, JoinWaitsUntilEachItemIsDone) {
  JoinableQueue<int> queue("tasks", with());
  EXPECT_TRUE(queue.join(limit));
  queue.put_many({1, 2});
  EXPECT_FALSE(queue.join(0ms));
  EXPECT_FALSE(queue.join(-5s));
  EXPECT_FALSE(queue.join(20ms));
  queue.get();
  queue.get();
  queue.task_done();
  EXPECT_FALSE(queue.join(20ms));
  queue.task_done();
  EXPECT_TRUE(queue.join(limit));
  EXPECT_THROW(queue.task_done(), ValueError);
}

TEST_F(QueueEndToEnd, OneProcessMayHoldManyItemsThatItIsNotDoneWith) {
  JoinableQueue<int> queue("tasks", with());
  constexpr int number = 300;
  for (int i = 0; i < number; ++i) queue.put(i);
  for (int i = 0; i < number; ++i) EXPECT_EQ(queue.get(true, limit), i);
  for (int i = 0; i < number; ++i) queue.task_done();
  EXPECT_TRUE(queue.join(limit));
}

TEST_F(QueueEndToEnd, IterationEndsWithClose) {
  Queue<int> queue("numbers", with());
  queue.put_many({1, 2, 3});
  std::vector<int> got;
  for (auto& item : queue) {
    got.push_back(item);
    if (got.size() == 3) queue.close();
  }
  EXPECT_THAT(got, ElementsAre(1, 2, 3));
}

TEST_F(QueueEndToEnd, AClosedQueueTakesAndGivesNothing) {
  Queue<int> queue("numbers", with());
  auto waiting = std::async(std::launch::async, [&] { return queue.get(); });
  EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout);
  queue.close();
  EXPECT_THROW(waiting.get(), ValueError);
  EXPECT_THROW(queue.put(1), ValueError);
  EXPECT_THROW(queue.get(), ValueError);
  queue.close();
}

TEST_F(QueueEndToEnd, AnItemOfAnotherTypeIsToldAndBecomesADeadLetter) {
  Queue<std::string> wrong("mixed", with());
  JoinableQueue<int> queue("mixed", with());
  wrong.put("hello");
  wrong.flush();
  queue.put(7);
  try {
    queue.get();
    ADD_FAILURE() << "expected a TypeError";
  } catch (const TypeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a string of 5 bytes"));
    EXPECT_THAT(error.what(), HasSubstr("expected an integer"));
  }
  EXPECT_EQ(queue.get(), 7);
  queue.task_done();
  EXPECT_TRUE(queue.join(limit));
  EXPECT_THAT(stack.joinery({"dead", "ls", "--json"}).out, HasSubstr("TypeError"));
}

TEST_F(QueueEndToEnd, AGetManyGivesWhatCameBeforeAnItemOfAnotherType) {
  Queue<std::string> wrong("mixed", with());
  Queue<int> queue("mixed", with());
  queue.put_many({1, 2});
  queue.flush();
  wrong.put("x");
  wrong.flush();
  queue.put(3);
  queue.flush();
  std::vector<int> got;
  while (got.size() < 3) {
    try {
      for (const int item : queue.get_many(10, true, limit)) got.push_back(item);
    } catch (const TypeError&) {
      got.push_back(-1);
    }
    if (!got.empty() && got.back() == 3) break;
  }
  EXPECT_EQ(got.front(), 1);
  EXPECT_EQ(got.back(), 3);
}

TEST_F(QueueEndToEnd, AnItemThatIsTooLargeIsRefusedAtThePut) {
  Queue<std::string> queue("large", with());
  queue.put("small");
  queue.flush();
  EXPECT_THROW(queue.put(std::string(17U << 20U, 'x')), ClientError);
  queue.put(std::string(1U << 20U, 'x'));
  EXPECT_EQ(queue.get(), "small");
  EXPECT_EQ(queue.get().size(), 1U << 20U);
}

TEST_F(QueueEndToEnd, ManyProducersAndConsumersShareTheItemsWithoutLossOrDouble) {
  constexpr int each = 500;
  auto produce = [&](int first) {
    Queue<int> queue("shared", with(10));
    for (int i = 0; i < each; ++i) queue.put(first + i);
  };
  std::mutex mutex;
  std::map<int, int> seen;
  auto consume = [&] {
    JoinableQueue<int> queue("shared", with(10));
    for (int item = queue.get(); item >= 0; item = queue.get()) {
      const std::lock_guard lock(mutex);
      ++seen[item];
      queue.task_done();
    }
    queue.task_done();
  };
  JoinableQueue<int> queue("shared", with(10));
  std::vector<std::jthread> consumers;
  for (int i = 0; i < 3; ++i) consumers.emplace_back(consume);
  {
    std::jthread first(produce, 0);
    std::jthread second(produce, each);
  }
  for (int i = 0; i < 3; ++i) queue.put(-1);
  EXPECT_TRUE(queue.join(limit));
  consumers.clear();
  EXPECT_EQ(seen.size(), 2U * each);
  for (const auto& [item, times] : seen) EXPECT_EQ(times, 1) << item;
}

TEST_F(QueueEndToEnd, ABusyConsumerLeavesItemsToOthers) {
  JoinableQueue<int> busy("fair", with());
  JoinableQueue<int> idle("fair", with());
  for (int i = 0; i < 200; ++i) busy.put(i);
  busy.flush();
  for (int i = 0; i < 100; ++i) {
    busy.get();
    busy.task_done();
  }
  // It has taken some ahead by now, and does something else: the rest must come to the other one.
  for (int i = 0; i < 100; ++i) {
    idle.get(true, limit);
    idle.task_done();
  }
  EXPECT_TRUE(idle.join(limit));
}

TEST_F(QueueEndToEnd, TheFirstGetIsGivenItsTimeOnceThereIsAConnection) {
  for (int i = 0; i < 20; ++i) {
    Queue<int> queue("numbers", with());
    EXPECT_THROW(queue.get(true, 1ms), Empty) << "and not that no broker answers";
  }
}

// What was on its way to a get() that gave up is lost to nobody, and none comes there afterwards.
TEST_F(QueueEndToEnd, GetsThatGiveUpLoseNothingAndHoldUpNobody) {
  for (const Mode mode : {Mode::fifo, Mode::priority}) {
    const std::string name(word(mode));
    Queue<int> hasty(name, with(1, mode));
    Queue<int> patient(name, with(1, mode));
    for (int i = 0; i < 20; ++i) {
      EXPECT_THROW(hasty.get(true, 1ms), Empty);
      patient.put(i);
      if (mode == Mode::priority) {  // of which no consumer takes any ahead
        EXPECT_THROW(patient.put_nowait(-1), Full) << "it has gone to nobody";
      }
      EXPECT_EQ(patient.get(true, limit), i);
    }
    constexpr int number = 300;
    std::jthread producer([&] {
      Queue<int> queue(name, with(1, mode));
      for (int i = 0; i < number; ++i) queue.put(i);
    });
    std::multiset<int> got;
    while (got.size() < number) {
      for (Queue<int>* queue : {&hasty, &patient}) {
        try {
          got.insert(queue->get(true, 1ms));
        } catch (const Empty&) {
        }
      }
    }
    for (int i = 0; i < number; ++i) EXPECT_EQ(got.count(i), 1U) << i;
    EXPECT_TRUE(testing::eventually([&] { return patient.empty(); }));
  }
}

TEST_F(QueueEndToEnd, WithoutABrokerItSaysSoAndWorksAgainWhenItIsBack) {
  QueueSettings settings = with();
  settings.timeout = 300ms;
  Queue<int> queue("numbers", settings);
  queue.put(1);
  queue.flush();
  EXPECT_EQ(queue.get(), 1);
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  const auto code_of = [](auto call) {
    try {
      call();
    } catch (const ClientError& error) {
      return error.code();
    }
    return Code::ok;
  };
  EXPECT_EQ(code_of([&] { queue.get(); }), Code::broker_unreachable);
  EXPECT_EQ(code_of([&] { queue.get(true, 10ms); }), Code::broker_unreachable);
  EXPECT_EQ(code_of([&] { queue.get_nowait(); }), Code::broker_unreachable);
  EXPECT_EQ(code_of([&] { queue.qsize(); }), Code::broker_unreachable);
  EXPECT_EQ(code_of([&] {
              queue.put(2);
              queue.flush();
            }),
            Code::broker_unreachable);
  stack.start_broker();
  const auto get = [&] {
    try {
      return queue.get(true, limit);
    } catch (const ClientError&) {
      return 0;  // not connected yet
    }
  };
  EXPECT_TRUE(testing::eventually([&] { return code_of([&] { queue.qsize(); }) == Code::ok; }));
  const auto put = [&] {  // by another connection, which may need longer than 300 ms
    queue.put(3);
    queue.flush();
  };
  EXPECT_TRUE(testing::eventually([&] { return code_of(put) == Code::ok; }));
  EXPECT_TRUE(testing::eventually([&] { return get() == 3; }));
}

}  // namespace
}  // namespace joinery
