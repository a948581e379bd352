// Queues whose other side dies: consumers, producers, the broker.
#include <gmock/gmock.h>
#include <joinery/queue.h>

#include <future>
#include <set>

#include "tests/support/stack.h"

namespace joinery {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::eventually;
using testing::Process;
using testing::Stack;

constexpr auto limit = 60s;

class QueueDeath : public ::testing::Test {
 protected:
  QueueSettings here() const {
    QueueSettings settings;
    settings.endpoint = stack.endpoint();
    return settings;
  }
  std::unique_ptr<Process> subject(const std::string& verb, int number) {
    return std::make_unique<Process>(std::vector<std::string>{
        testing::program("sdk_queue_subject"), verb, std::to_string(number), stack.endpoint(), "tasks"});
  }
  static void kill(Process& process) {
    process.signal(SIGKILL);
    EXPECT_EQ(process.wait(), -SIGKILL);
  }
  static bool says(const Process& process, const std::string& text) {
    return eventually([&] { return process.out().find(text) != std::string::npos; });
  }
  Stack stack;
};

// cpython 66587 and its like: join waits for ever for a consumer that died.
TEST_F(QueueDeath, AConsumerKilledGivesBackWhatItHadGotAndJoinReturns) {
  JoinableQueue<int> queue("tasks", here());
  queue.put_many({1, 2, 3, 4});
  auto holder = subject("hold", 2);
  ASSERT_TRUE(says(*holder, "holding"));
  auto joined = std::async(std::launch::async, [&] { return queue.join(limit); });
  kill(*holder);
  std::multiset<int> got;
  for (int i = 0; i < 4; ++i) {
    got.insert(queue.get(true, limit));
    queue.task_done();
  }
  EXPECT_THAT(got, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(joined.get());
}

TEST_F(QueueDeath, AConsumerThatClosesGivesBackWhatItIsNotDoneWithAtOnce) {
  JoinableQueue<int> queue("tasks", here());
  queue.put_many({1, 2});
  {
    JoinableQueue<int> other("tasks", here());
    EXPECT_EQ(other.get(), 1);
  }
  EXPECT_EQ(queue.get(true, limit), 1);
  EXPECT_EQ(queue.get(true, limit), 2);
}

TEST_F(QueueDeath, ItemsOutliveTheirProducer) {
  auto producer = subject("put", 1000);
  EXPECT_EQ(producer->wait(), 0) << producer->err();
  Queue<int> queue("tasks", here());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(queue.get(true, limit), i);
}

// Python's producer cannot end before a pipe of 64 KB is drained.
TEST_F(QueueDeath, AProducerOfLargeItemsEndsBeforeAnybodyDrainsThem) {
  auto producer = subject("large", 8);
  EXPECT_EQ(producer->wait(), 0) << producer->err();
  Queue<std::string> queue("tasks", here());
  for (int i = 0; i < 8; ++i) EXPECT_EQ(queue.get(true, limit).size(), 1U << 20U);
}

// cpython 87971: a process that is killed with the queue's lock in its hand stops all others.
TEST_F(QueueDeath, AProducerKilledInTheMiddleLeavesAQueueThatWorks) {
  Queue<int> queue("tasks", here());
  auto producer = subject("put", 100'000'000);
  EXPECT_EQ(queue.get(true, limit), 0);
  kill(*producer);
  queue.put(-1);
  int last = 0;
  for (int item = queue.get(true, limit); item != -1; item = queue.get(true, limit)) {
    EXPECT_EQ(item, last + 1);
    last = item;
  }
}

TEST_F(QueueDeath, JoinReturnsWhenOneConsumerAfterAnotherIsKilled) {
  JoinableQueue<int> queue("tasks", here());
  for (int i = 0; i < 50; ++i) queue.put(i);
  auto joined = std::async(std::launch::async, [&] { return queue.join(limit); });
  for (int number = 1; number <= 3; ++number) {
    auto holder = subject("hold", number);
    ASSERT_TRUE(says(*holder, "holding"));
    kill(*holder);
  }
  auto worker = subject("work", 0);
  EXPECT_TRUE(joined.get());
}

TEST_F(QueueDeath, ARestartOfTheBrokerInTheMiddleLosesNothing) {
  JoinableQueue<int> queue("tasks", here());
  constexpr int number = 3000;
  std::multiset<int> got;
  auto consumer = std::async(std::launch::async, [&] {
    while (!got.contains(number - 1)) {
      got.insert(queue.get(true, limit));
      queue.task_done();
    }
  });
  for (int i = 0; i < number - 1; ++i) {
    queue.put(i);
    if (i % 1000 != 999) continue;
    stack.broker().signal(SIGKILL);
    stack.broker().wait();
    stack.start_broker();
  }
  queue.flush();
  ASSERT_TRUE(eventually([&] { return queue.qsize() == 0; }));
  queue.put(number - 1);
  consumer.get();
  EXPECT_TRUE(queue.join(limit));
  const std::set<int> different(got.begin(), got.end());
  EXPECT_EQ(different.size(), static_cast<std::size_t>(number));
}

}  // namespace
}  // namespace joinery
