// kill -9 of everything that can die, each while 10,000 jobs run: join returns, once, with every job
// accounted for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <joinery/client.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

constexpr std::uint64_t jobs = 10'000;

// Ten thousand commands in one batch, submitted and on disk; the batch's id and the ids of the jobs.
class Kill : public ::testing::Test {
 protected:
  void submit() {
    ClientOptions connection;
    connection.endpoint = stack_.endpoint();
    connection.name = "kill_test";
    connection.timeout = std::chrono::seconds(60);
    client_.emplace(connection);
    batch_ = client_->open_batch("kill");
    SubmitOptions options;
    options.batch = batch_;
    options.spec.result_ttl_s = 600;
    const Buffer payload =
        "\x81\xa4"
        "argv"
        "\x91\xa4"
        "true";  // {"argv": ["true"]}
    const std::vector<Bytes> payloads(jobs, payload);
    first_ = client_->submit_many("exec", payloads, options).get();
  }

  std::uint64_t succeeded() {
    const Finished shown = stack_.joinery({"--json", "batch", "show", std::to_string(batch_)});
    const std::string name = "\"succeeded\":";
    const std::size_t at = shown.out.find(name);
    return at == std::string::npos ? 0 : std::stoull(shown.out.substr(at + name.size()));
  }
  void wait_until_running() {
    ASSERT_TRUE(eventually([this] { return succeeded() >= jobs / 10; }));
    ASSERT_LT(succeeded(), jobs) << "all was done before anything could be killed";
  }

  // join returns, every job succeeded, and every result is there.
  void expect_all_done() {
    const Counts counts = client_->join_batch(batch_, std::chrono::seconds(120));
    EXPECT_EQ(counts.succeeded, jobs);
    EXPECT_EQ(counts.finished(), jobs);
    EXPECT_EQ(counts.unfinished(), 0U);
    std::vector<JobId> ids;
    for (std::uint64_t i = 0; i < jobs; ++i) ids.push_back(first_ + i);
    std::size_t found = 0;
    for (const auto& result : client_->results(ids)) found += result && result->outcome == Outcome::succeeded;
    EXPECT_EQ(found, jobs);
  }

  Stack stack_;
  std::optional<Client> client_;
  BatchId batch_ = 0;
  JobId first_ = 0;
};

TEST_F(Kill, of_a_pool_process_loses_nothing) {
  Process& worker = stack_.start_worker();
  submit();
  wait_until_running();
  const auto pool = children_of(worker.pid());
  ASSERT_FALSE(pool.empty());
  ::kill(pool.front(), SIGKILL);
  expect_all_done();
}

TEST_F(Kill, of_a_worker_gives_its_jobs_to_another) {
  Process& worker = stack_.start_worker();
  submit();
  wait_until_running();
  worker.signal(SIGKILL);
  worker.wait();
  stack_.start_worker();
  expect_all_done();
}

// Redis may lose results of its last seconds on a slow disk (docs/operating.md), so that they are not looked
// at.
TEST_F(Kill, of_redis_makes_results_wait_and_loses_no_job) {
  stack_.start_worker();
  submit();
  wait_until_running();
  const auto redis = children_of(stack_.broker().pid());
  ASSERT_EQ(redis.size(), 1U);
  ::kill(redis.front(), SIGKILL);
  const Counts counts = client_->join_batch(batch_, std::chrono::seconds(120));
  EXPECT_EQ(counts.succeeded, jobs);
  EXPECT_EQ(counts.finished(), jobs);
}

// map once forgot the results that it was reading when Redis went away, and ended well without them.
TEST_F(Kill, of_redis_while_map_prints_results_is_never_silent) {
  constexpr std::ptrdiff_t items = 3000;
  stack_.start_worker();
  std::string lines;
  for (std::ptrdiff_t i = 0; i < items; ++i) lines += std::to_string(i) + "\n";
  Process::Options input;
  input.input = lines;
  Process map(
      {program("joinery"), "--endpoint", stack_.endpoint(), "map", "--results", "exec", "--", "echo", "{}"},
      input);
  ASSERT_TRUE(eventually([&] { return map.out().size() > 100; }));
  const auto redis = children_of(stack_.broker().pid());
  ASSERT_EQ(redis.size(), 1U);
  ::kill(redis.front(), SIGKILL);
  if (map.wait(std::chrono::seconds(120)) != 0) {
    EXPECT_FALSE(map.err().empty());
    return;
  }
  const std::string printed = map.out();
  EXPECT_EQ(std::ranges::count(printed, '\n'), items) << map.err();
}

TEST_F(Kill, of_the_broker_is_survived_by_the_client_the_worker_and_every_job) {
  stack_.start_worker();
  submit();
  wait_until_running();
  stack_.broker().signal(SIGKILL);
  stack_.broker().wait();
  stack_.start_broker();
  expect_all_done();
}

TEST_F(Kill, of_the_broker_while_a_join_waits_lets_it_return_once) {
  stack_.start_worker();
  submit();
  std::optional<Counts> counts;
  std::thread joining([&] { counts = client_->join_batch(batch_, std::chrono::seconds(120)); });
  wait_until_running();
  stack_.broker().signal(SIGKILL);
  stack_.broker().wait();
  stack_.start_broker();
  joining.join();
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->succeeded, jobs);
}

}  // namespace
}  // namespace joinery::testing
