// The examples of docs/job-control.md on queues at run time, run against the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class QueueOptions : public StackTest {
 protected:
  using StackTest::StackTest;
  // Submits, and shows the job.
  Json submitted(std::vector<std::string> flags) {
    std::vector<std::string> all{"submit", "--queue", "crawl"};
    all.insert(all.end(), flags.begin(), flags.end());
    for (const char* word : {"exec", "--", "false"}) all.emplace_back(word);
    return show(say(std::move(all)));
  }
  Json show(const std::string& job) { return Json::parse(say({"--json", "job", "show", job})); }
  Json show(const Json& job) { return show(std::to_string(job["job"].get<std::uint64_t>())); }
  Json defaults() { return Json::parse(say({"--json", "queue", "show", "crawl"})).value("defaults", Json()); }
};

TEST_F(QueueOptions, ArePausedResumedAndPurgedWhileWorkersServeThem) {
  stack.start_worker({"--allow-exec", "--processes", "2", "--queues", "crawl"});
  say({"queue", "configure", "crawl", "--mode", "priority", "--maxsize", "1000"});
  say({"queue", "pause", "crawl", "--reason", "smtp is down"});
  const Json held = submitted({"--priority", "5"});
  const std::string id = std::to_string(held["job"].get<std::uint64_t>());
  EXPECT_THAT(say({"explain", id}), HasSubstr("smtp is down"));
  EXPECT_THAT(say({"queue", "show", "crawl"}), HasSubstr(": smtp is down"));
  say({"job", "update", id, "--priority", "-1"});
  EXPECT_EQ(show(held)["priority"], -1);
  EXPECT_THAT(say({"queue", "purge", "crawl"}), HasSubstr("1 job"));
  EXPECT_EQ(show(held)["outcome"], "cancelled");
  say({"queue", "resume", "crawl"});
  EXPECT_EQ(stack.joinery({"submit", "--queue", "crawl", "--wait", "exec", "--", "true"}).status, 0);
}

TEST_F(QueueOptions, HoldWhereASubmissionSaysNothingAlsoAfterARestart) {
  say({"queue", "configure", "crawl", "--attempts", "5", "--backoff", "fixed:10ms", "--jitter", "0",
       "--keep-result", "1h"});
  EXPECT_THAT(say({"queue", "show", "crawl"}),
              HasSubstr("--attempts 5 --keep-result 1h --backoff fixed:10ms"));
  restart_broker();
  const Json plain = submitted({});
  const Json said = submitted({"--attempts", "3", "--keep-result", "2h"});
  EXPECT_EQ(plain["result_ttl_s"], 3600);
  EXPECT_EQ(said["result_ttl_s"], 7200) << "what is said goes before the queue's default";
  stack.start_worker({"--allow-exec", "--processes", "2", "--queues", "crawl"});
  stack.joinery({"join", "--queue", "crawl"});
  EXPECT_EQ(show(plain)["failures"], 5);
  EXPECT_EQ(show(said)["failures"], 3) << "though 3 is what holds without a default";
}

TEST_F(QueueOptions, CanBeTakenBackOneByOne) {
  say({"queue", "configure", "crawl", "--attempts", "5", "--no-retry", "exit status", "--timeout-hard",
       "1m"});
  say({"queue", "configure", "crawl", "--unset", "no-retry", "--unset", "timeout-hard", "--maxsize", "10"});
  EXPECT_EQ(defaults(), (Json{{"attempts", 5}}));
  say({"queue", "configure", "crawl", "--unset", "attempts"});
  EXPECT_TRUE(defaults().is_null());
  const Finished unknown = stack.joinery({"queue", "configure", "crawl", "--unset", "speed"});
  EXPECT_EQ(unknown.status, 64);
  EXPECT_THAT(unknown.err, HasSubstr("\"speed\" is none of attempts, crash-attempts"));
}

TEST_F(QueueOptions, TheJitterIsADefaultOfItsOwn) {
  say({"queue", "configure", "crawl", "--backoff", "fixed:30s", "--attempts", "5"});
  say({"queue", "configure", "crawl", "--jitter", "0.5"});
  EXPECT_THAT(say({"queue", "show", "crawl"}), HasSubstr("--backoff fixed:30s --jitter 0.5"));
  say({"queue", "configure", "crawl", "--backoff", "fixed:20s"});
  EXPECT_THAT(say({"queue", "show", "crawl"}), HasSubstr("--backoff fixed:20s --jitter 0.5"));
  say({"queue", "configure", "crawl", "--unset", "backoff"});
  EXPECT_THAT(say({"queue", "show", "crawl"}), HasSubstr("--attempts 5 --jitter 0.5"));
  say({"queue", "configure", "crawl", "--unset", "jitter"});
  EXPECT_EQ(defaults(), (Json{{"attempts", 5}}));
}

TEST_F(QueueOptions, AJitterThatIsSaidLeavesTheBackoffOfTheQueue) {
  say({"queue", "configure", "crawl", "--backoff", "fixed:10ms", "--attempts", "2"});
  const Json job = submitted({"--jitter", "0"});
  stack.start_worker({"--allow-exec", "--processes", "2", "--queues", "crawl"});
  stack.joinery({"join", "--queue", "crawl"});  // would wait for a second with the usual backoff
  EXPECT_EQ(show(job)["failures"], 2);
}

TEST_F(QueueOptions, OfJobsThatAreMappedHoldToo) {
  say({"queue", "configure", "crawl", "--attempts", "1"});
  stack.start_worker({"--allow-exec", "--processes", "2", "--queues", "crawl"});
  EXPECT_NE(stack.joinery({"map", "--queue", "crawl", "exec", "--", "false", "{}", ":::", "a"}).status, 0);
  const Json dead = Json::parse(say({"--json", "dead", "ls", "--queue", "crawl"}));
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0]["failures"], 1);
}

TEST(QueueOptionsInTheFile, HoldFromTheStartAndChangeOnSighup) {
  TempDir dir;
  const std::string file = dir / "broker.toml";
  const auto write = [&](const std::string& text) { std::ofstream(file) << "[queue.crawl]\n" << text; };
  write(
      "attempts = 5\nbackoff = \"list:1s,5s\"\njitter = 0\ntimeout_soft = \"30s\"\nno_retry = [\"a\", "
      "\"b\"]\n");
  Stack stack({"--config", file});
  const auto defaults = [&] {
    return Json::parse(stack.joinery({"--json", "queue", "show", "crawl"}).out).value("defaults", Json());
  };
  const Json first = defaults();
  EXPECT_EQ(first["attempts"], 5);
  EXPECT_EQ(first["soft_timeout_ms"], 30'000);
  EXPECT_EQ(first["no_retry"], (Json{"a", "b"}));
  EXPECT_EQ(first["backoff"]["list_ms"], (Json{1000, 5000}));
  write("attempts = 0\n");
  stack.broker().signal(SIGHUP);
  EXPECT_TRUE(eventually(
      [&] { return stack.broker().err().find("[queue.crawl]: attempts is '0'") != std::string::npos; }));
  EXPECT_EQ(defaults(), first) << "a bad file leaves everything as it was";
  write("keep_result = \"10m\"\n");
  stack.broker().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return defaults() == Json{{"result_ttl_s", 600}}; }));
}

}  // namespace
}  // namespace joinery::testing
