// The client library against the real broker and the real worker: what a user's program sees, also when the
// broker dies.
#include "producer/client/joinery/client.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>

#include "shared/protocol/value.h"
#include "tests/support/stack.h"

namespace joinery {
namespace {

using protocol::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Stack;

constexpr seconds limit(60);

Buffer command(std::vector<std::string> argv) {
  Value words = Value::array();
  for (std::string& word : argv) words.push(std::move(word));
  return protocol::encode(Value::map().set("argv", std::move(words)));
}

SubmitOptions kept() {
  SubmitOptions options;
  options.spec.result_ttl_s = 60;
  options.spec.attempts = 1;
  return options;
}

Buffer no_arguments() { return protocol::encode(Value::map()); }

TEST(ClientEndToEnd, SubmitsJoinsAndReadsResults) {
  Stack stack;
  stack.start_worker();
  Client client(stack.endpoint());
  std::vector<std::future<JobId>> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(client.submit("exec", command({"echo", std::to_string(i)}), kept()));
  }
  std::vector<JobId> jobs;
  for (auto& id : ids) jobs.push_back(id.get());
  EXPECT_EQ(client.join_queue("default", limit).succeeded, 20U);
  const auto found = client.results(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    ASSERT_TRUE(found[i]);
    const auto value = protocol::decode_map(found[i]->value);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->bytes("stdout").value(), std::to_string(i) + "\n");
  }
  EXPECT_EQ(client.result(jobs[7], limit).value, found[7]->value);
}

TEST(ClientEndToEnd, TellsHowAJobFailed) {
  Stack stack;
  stack.start_worker();
  Client client(stack.endpoint());
  const JobId job = client.submit("exec", command({"sh", "-c", "echo no >&2; exit 3"}), kept()).get();
  const auto result = client.result(job, limit);
  EXPECT_EQ(result.outcome, Outcome::failed);
  EXPECT_EQ(result.failure.code, Code::handler_error);
  EXPECT_EQ(result.failure.message, "3: no");
}

TEST(ClientEndToEnd, CountsABatch) {
  Stack stack;
  stack.start_worker();
  Client client(stack.endpoint());
  SubmitOptions options = kept();
  options.batch = client.open_batch("nightly");
  const Buffer good = command({"true"});
  const Buffer bad = command({"false"});
  client.submit_many("exec", {good, bad, good}, options);
  const Counts counts = client.join_batch(options.batch, limit);
  EXPECT_EQ(counts.succeeded, 2U);
  EXPECT_EQ(counts.failed, 1U);
}

TEST(ClientEndToEnd, TellsTheOutcomeOfEachWatchedJobOnce) {
  Stack stack;
  stack.start_worker();
  Client client(stack.endpoint());
  std::mutex mutex;
  std::multiset<JobId> told;
  client.on_outcome([&](const JobOutcome& outcome) {
    const std::lock_guard lock(mutex);
    told.insert(outcome.job);
  });
  SubmitOptions options;
  options.watch = true;
  std::vector<std::future<JobId>> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(client.submit("exec", command({"true"}), options));
  std::vector<JobId> jobs;
  for (auto& id : ids) jobs.push_back(id.get());
  for (const JobOutcome& outcome : client.wait(jobs, limit)) {
    EXPECT_EQ(outcome.outcome, Outcome::succeeded);
  }
  client.flush();
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, std::multiset<JobId>(jobs.begin(), jobs.end()));
}

TEST(ClientEndToEnd, ABrokerThatIsKilledNeitherLosesNorDoublesASubmit) {
  Stack stack;
  Client client(stack.endpoint());
  std::mutex mutex;
  std::set<JobId> ids;
  constexpr int number = 20'000;
  int answered = 0;
  for (int i = 0; i < number; ++i) {
    client.submit("nobody", "x", {}, [&](const Result<JobId>& job) {
      const std::lock_guard lock(mutex);
      ++answered;
      EXPECT_TRUE(job) << job.error().message;
      EXPECT_TRUE(job && ids.insert(*job).second) << "told twice";
    });
    if (i % 7000 != 6999) continue;
    stack.broker().signal(SIGKILL);
    stack.broker().wait();
    stack.start_broker();
  }
  client.flush();
  EXPECT_EQ(answered, number);
  const auto queue = protocol::decode_map(
      client.request("queue.show", protocol::encode(Value::map().set("queue", "default"))));
  ASSERT_TRUE(queue) << queue.error().message;
  const Value* counts = queue->find("counts");
  ASSERT_NE(counts, nullptr);
  EXPECT_EQ(counts->u64("ready").value(), static_cast<std::uint64_t>(number));
}

TEST(ClientEndToEnd, WaitsThroughARestartOfTheBroker) {
  Stack stack;
  Client client(stack.endpoint());
  const JobId job = client.submit("exec", command({"echo", "late"}), kept()).get();
  auto result = std::async(std::launch::async, [&] { return client.result(job, limit); });
  auto joined = std::async(std::launch::async, [&] { return client.join_queue("default", limit); });
  client.request("status", no_arguments());  // the join is there before the broker dies
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  stack.start_broker();
  stack.start_worker();
  EXPECT_EQ(result.get().outcome, Outcome::succeeded);
  EXPECT_EQ(joined.get().succeeded, 1U);
}

TEST(ClientEndToEnd, APutToAFullQueueWaitsOrIsRefused) {
  Stack stack;
  Client client(stack.endpoint());
  client.request("queue.configure", protocol::encode(Value::map().set("queue", "small").set("maxsize", 2)));
  SubmitOptions options;
  options.queue = "small";
  client.submit_many("exec", {command({"true"}), command({"true"})}, options).get();
  auto waits = client.submit("exec", command({"true"}), options);
  options.refuse_when_full = true;
  auto refused = client.submit("exec", command({"true"}), options);
  EXPECT_THROW(
      try { refused.get(); } catch (const ClientError& error) {
        EXPECT_EQ(error.code(), Code::queue_full);
        throw;
      },
      ClientError);
  EXPECT_EQ(waits.wait_for(milliseconds(0)), std::future_status::timeout);
  stack.start_worker({"--allow-exec", "--processes", "1", "--queues", "small"});
  EXPECT_EQ(waits.wait_for(limit), std::future_status::ready);
  EXPECT_EQ(client.join_queue("small", limit).succeeded, 3U);
}

TEST(ClientEndToEnd, SaysThatNobodyHasTheHandler) {
  Stack stack;
  ClientOptions options;
  options.endpoint = stack.endpoint();
  std::atomic<int> told = 0;
  options.on_no_handler = [&](const std::string& handler, const std::string&) {
    told += handler == "nobody";
  };
  Client client(options);
  client.submit("nobody", "x").get();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace joinery
