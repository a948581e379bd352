// The examples of docs/job-control.md on times, time limits, the budget of crashes and priority, run against
// the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class Retries : public StackTest {
 protected:
  std::string submit(std::vector<std::string> flags, const std::string& script = "true") {
    flags.insert(flags.begin(), "submit");
    for (const std::string& word :
         {std::string("exec"), std::string("--"), std::string("sh"), std::string("-c"), script})
      flags.push_back(word);
    return say(std::move(flags));
  }
  Json show(const std::string& job) { return Json::parse(say({"--json", "job", "show", job})); }
  std::string state(const std::string& job) {
    const Json shown = show(job);
    return shown.value("state", shown.value("outcome", "?"));
  }
  // Of a job that failed for good.
  std::string failure(const std::string& job) {
    EXPECT_EQ(stack.joinery({"result", job}).status, 2);
    return show(job)["failure"]["word"];
  }
};

TEST_F(Retries, AJobStartsNoEarlierThanItsDelayOrTime) {
  stack.start_worker();
  const std::string later = submit({"--delay", "1h"});
  const std::string at = submit({"--run-at", "2100-01-01T08:00Z"});
  const std::string soon = submit({"--delay", "100ms"});
  const std::string over = submit({"--run-at", "2020-01-01T08:00Z"});
  EXPECT_EQ(stack.joinery({"result", soon}).status, 0);
  EXPECT_EQ(stack.joinery({"result", over}).status, 0);
  const Json ran = show(soon);
  EXPECT_GE(ran["ended_at_ms"].get<std::int64_t>() - ran["accepted_at_ms"].get<std::int64_t>(), 100);
  restart_broker();
  EXPECT_EQ(state(later), "scheduled");
  EXPECT_EQ(state(at), "scheduled");
}

TEST_F(Retries, AJobThatIsNotStartedInTimeExpires) {
  const std::string job = submit({"--expires-in", "1s"});
  EXPECT_TRUE(eventually([&] { return state(job) == "expired"; }));
  stack.start_worker();
  EXPECT_EQ(stack.joinery({"submit", "--wait", "--expires-in", "1h", "exec", "--", "true"}).status, 0);
}

TEST_F(Retries, ACommandThatRunsTooLongIsAskedToStopOrKilled) {
  stack.start_worker();
  const std::string log = stack.dir() / "log";
  const std::string asked =
      submit({"--attempts", "1", "--timeout-soft", "300ms"},
             "trap 'echo asked > " + log + "; exit 1' TERM; while :; do sleep 0.02; done");
  EXPECT_EQ(failure(asked), "soft_time_limit");
  std::string line;
  std::getline(std::ifstream(log) >> std::ws, line);
  EXPECT_EQ(line, "asked");
  const std::string killed = submit(
      {"--attempts", "1", "--crash-attempts", "1", "--timeout-soft", "100ms", "--timeout-hard", "300ms"},
      "trap '' TERM; while :; do sleep 0.02; done");
  EXPECT_EQ(failure(killed), "hard_time_limit");
}

TEST_F(Retries, WhatKillsItsProcessHasABudgetOfItsOwn) {
  stack.start_worker();
  const std::string job = submit({"--attempts", "1", "--crash-attempts", "2"}, "kill -9 $PPID");
  EXPECT_EQ(failure(job), "process_died");
  const Json shown = show(job);
  EXPECT_EQ(shown["crashes"], 2);
  EXPECT_EQ(shown["failures"], 0) << "a crash costs no attempt";
}

TEST_F(Retries, TheLowestPriorityNumberRunsFirstAndCanBeChanged) {
  const std::string log = stack.dir() / "log";
  say({"queue", "configure", "urgent", "--mode", "priority"});
  const auto put = [&](const std::string& priority, const std::string& name) {
    return submit({"--queue", "urgent", "--priority", priority}, "echo " + name + " >> " + log);
  };
  put("5", "last");
  const std::string changed = put("9", "changed");
  put("0", "second");
  put("-5", "first");
  say({"job", "update", changed, "--priority", "-9"});
  stack.start_worker({"--allow-exec", "--processes", "1", "--queues", "urgent"});
  say({"join", "--queue", "urgent"});
  std::ifstream file(log);
  std::vector<std::string> order;
  for (std::string line; std::getline(file, line);) order.push_back(line);
  EXPECT_THAT(order, ElementsAre("changed", "first", "second", "last"));
}

}  // namespace
}  // namespace joinery::testing
