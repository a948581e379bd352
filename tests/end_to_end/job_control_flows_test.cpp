// The examples of docs/job-control.md on retries, time, uniqueness, batches, dependencies and schedules, run
// against the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

// Broker and worker are started once for all tests here; each test has queues and keys of its own. Queue
// "shelf" is served by nobody.
class JobControlFlows : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    stack = std::make_unique<Stack>();
    stack->start_worker();
  }
  static void TearDownTestSuite() { stack.reset(); }
  static Finished joinery(std::vector<std::string> arguments, std::string input = {}) {
    return stack->joinery(std::move(arguments), std::move(input));
  }
  // What it says, which must have gone well.
  static std::string say(std::vector<std::string> arguments) {
    const Finished said = joinery(std::move(arguments));
    EXPECT_EQ(said.status, 0) << said.err;
    std::string text = said.out;
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
  }
  static Json show(const std::string& job) { return Json::parse(say({"--json", "job", "show", job})); }
  static std::string state(const std::string& job) {
    const Json shown = show(job);
    return shown.value("state", shown.value("outcome", "?"));
  }

  static std::unique_ptr<Stack> stack;
};
std::unique_ptr<Stack> JobControlFlows::stack;

TEST_F(JobControlFlows, RetriesFollowAListOfDelays) {
  const Finished said = joinery({"submit", "--wait", "--attempts", "3", "--backoff", "list:10ms,20ms",
                                 "--jitter", "0", "exec", "--", "false"});
  EXPECT_EQ(said.status, 2);
  EXPECT_THAT(joinery({"dead", "ls"}).out, HasSubstr(" 3 "));
}

TEST_F(JobControlFlows, AnErrorThatIsNotRetriedEndsTheJobAtOnce) {
  const std::string job = say({"submit", "--no-retry", "exit status", "exec", "--", "false"});
  EXPECT_EQ(joinery({"result", job}).status, 2);
  EXPECT_EQ(show(job)["attempt"], 1);
}

TEST_F(JobControlFlows, AJobIsStoppedAtItsDeadline) {
  const Finished said = joinery({"submit", "--wait", "--deadline-in", "200ms", "exec", "--", "sleep", "60"});
  EXPECT_NE(said.status, 0);
  EXPECT_THAT(said.err, HasSubstr("expired"));
}

TEST_F(JobControlFlows, AWaitingJobIsUpdatedAndMoved) {
  const std::string job = say({"submit", "--queue", "shelf", "--delay", "1h", "exec", "--", "true"});
  EXPECT_EQ(say({"job", "update", job, "--run-at", "2020-01-01T00:00Z"}), "1 job updated");
  EXPECT_EQ(state(job), "ready");
  EXPECT_EQ(say({"job", "move", job, "--to", "default"}), "1 job moved");
  EXPECT_EQ(joinery({"result", job}).status, 0);
  EXPECT_THAT(joinery({"job", "update", job, "--priority", "x"}).err, HasSubstr("--priority"));
}

TEST_F(JobControlFlows, AUniqueJobIsIgnoredRefusedOrReplaced) {
  const auto submit = [](std::vector<std::string> flags) {
    std::vector<std::string> all{"submit", "--queue", "shelf", "--unique", "report:42"};
    all.insert(all.end(), flags.begin(), flags.end());
    for (const char* word : {"exec", "--", "true"}) all.emplace_back(word);
    return joinery(all);
  };
  const std::string first = submit({}).out;
  EXPECT_THAT(submit({}).err, HasSubstr("duplicate_job"));
  EXPECT_EQ(submit({"--on-conflict", "ignore"}).out, first);
  const std::string second = submit({"--on-conflict", "replace"}).out;
  EXPECT_NE(second, first);
  EXPECT_EQ(state(first.substr(0, first.size() - 1)), "cancelled");
  EXPECT_THAT(submit({"--unique-until", "soon"}).err, HasSubstr("--unique-until"));
}

TEST_F(JobControlFlows, AClaimForATimeOutlivesItsJobAndARestart) {
  Stack own;
  own.start_worker();
  const auto submit = [&] {
    return own.joinery({"submit", "--unique", "mail:7", "--unique-until", "1h", "exec", "--", "true"});
  };
  const Finished first = submit();
  EXPECT_EQ(own.joinery({"join", "--queue", "default"}).status, 0);
  own.broker().signal(SIGKILL);
  own.broker().wait();
  own.start_broker();
  EXPECT_THAT(submit().err, HasSubstr("duplicate_job"));
}

}  // namespace
}  // namespace joinery::testing
