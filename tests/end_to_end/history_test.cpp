// The examples of docs/job-control.md on jobs that have ended and on following a job, run against the real
// programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

class HistoryAndFollow : public StackTest {
 protected:
  std::vector<std::uint64_t> list(std::vector<std::string> flags) {
    std::vector<std::string> all{"--json", "job", "ls"};
    all.insert(all.end(), flags.begin(), flags.end());
    std::vector<std::uint64_t> jobs;
    for (const Json& job : Json::parse(say(all))) jobs.push_back(job["job"]);
    return jobs;
  }
  std::string follow(const std::string& job) { return stack.joinery({"job", "show", job, "--follow"}).out; }
};

TEST_F(HistoryAndFollow, AJobThatHasEndedIsShownAlsoAfterARestart) {
  stack.start_worker();
  say({"submit", "--wait", "--key", "host:x", "exec", "--", "true"});
  const Finished failed =
      stack.joinery({"submit", "--wait", "--no-retry", "exit status", "exec", "--", "false"});
  EXPECT_EQ(failed.status, 2);
  const std::string waits = say({"submit", "--delay", "1h", "exec", "--", "true"});
  say({"cancel", waits});
  EXPECT_THAT(list({"--finished", "--state", "failed"}), ElementsAre(2)) << "a dead letter";
  EXPECT_THAT(list({"--state", "failed"}), ElementsAre(2));
  say({"dead", "delete", "2"});
  restart_broker();
  EXPECT_THAT(say({"job", "show", "1"}), AllOf(HasSubstr("succeeded"), HasSubstr("exec"), HasSubstr("host:x"),
                                               HasSubstr("ended"), HasSubstr("1 (0 failed")));
  const Json deleted = Json::parse(say({"--json", "job", "show", "2"}));
  EXPECT_EQ(deleted["outcome"], "failed");
  EXPECT_EQ(deleted["failure"]["type"], "exit status");
  EXPECT_THAT(list({"--finished"}), ElementsAre(3, 2, 1));
  EXPECT_THAT(list({"--state", "succeeded"}), ElementsAre(1));
  EXPECT_THAT(list({"--state", "cancelled", "--newer-than", "1h"}), ElementsAre(3));
  EXPECT_THAT(list({"--finished", "--key", "host:x"}), ElementsAre(1));
  EXPECT_THAT(list({"--finished", "--error", "exit status"}), ElementsAre(2));
  EXPECT_THAT(list({"--finished", "--older-than", "1h"}), IsEmpty());
  EXPECT_THAT(list({"--finished", "--most", "1", "--after", "3"}), ElementsAre(2));
  EXPECT_THAT(say({"job", "ls", "--finished", "--handler", "exec"}), HasSubstr("OUTCOME"));
}

TEST_F(HistoryAndFollow, AQueueRemembersWhatItsOptionsSayAndForgetsOnDemand) {
  stack.start_worker();
  say({"queue", "configure", "default", "--history-bytes", "128B", "--history-age", "1d"});
  for (int i = 0; i < 4; ++i) say({"submit", "--wait", "exec", "--", "true"});
  EXPECT_THAT(list({"--finished"}), ElementsAre(4, 3));
  EXPECT_THAT(say({"queue", "show", "default"}), HasSubstr("2 jobs in 128"));
  EXPECT_THAT(say({"job", "show", "1"}), AllOf(HasSubstr("succeeded"), Not(HasSubstr("ended"))));
  EXPECT_EQ(say({"queue", "forget", "default", "--older-than", "1h"}), "0 jobs forgotten");
  EXPECT_EQ(say({"queue", "forget", "default"}), "2 jobs forgotten");
  EXPECT_THAT(list({"--finished"}), IsEmpty());
  say({"queue", "configure", "default", "--history-bytes", "0"});
  say({"submit", "--wait", "exec", "--", "true"});
  EXPECT_THAT(list({"--finished"}), IsEmpty());
  const Finished wrong = stack.joinery({"queue", "configure", "default", "--history-bytes", "much"});
  EXPECT_EQ(wrong.status, 64);
  EXPECT_THAT(wrong.err, HasSubstr("--history-bytes"));
}

TEST_F(HistoryAndFollow, AFollowerSeesEachAttemptUntilTheOutcome) {
  const std::string job = say({"submit", "--attempts", "2", "--backoff", "fixed:10ms", "talk"});
  Process follower({program("joinery"), "--endpoint", stack.endpoint(), "job", "show", job, "--follow"});
  ASSERT_TRUE(eventually([&] { return follower.out().find("ready") != std::string::npos; }));
  stack.start_worker({"--processes", "1", "--plugin", TALKING_PLUGIN});
  EXPECT_EQ(follower.wait(), 0) << follower.err();
  const std::string said = follower.out();
  std::size_t at = 0;
  for (const char* line :
       {"no connected worker", "#1 runs on", "#1 info: attempt 1 begins", "#1 failed: ", "lost the thread",
        "#2 runs on", "#2 info: attempt 2 begins", "#2 warning: nearly done", "succeeded"}) {
    at = said.find(line, at);
    ASSERT_NE(at, std::string::npos) << line << " is not there, or too early, in\n" << said;
  }
}

TEST_F(HistoryAndFollow, HowFarAHandlerIsIsShownAndFollowed) {
  stack.start_worker({"--processes", "1", "--plugin", TALKING_PLUGIN});
  const std::string job = say({"submit", "linger"});
  Process follower({program("joinery"), "--endpoint", stack.endpoint(), "job", "show", job, "--follow"});
  EXPECT_TRUE(eventually([&] {
    return say({"job", "show", job}).find("50 % half way") != std::string::npos;
  }));
  const Json shown = Json::parse(say({"--json", "job", "show", job}));
  EXPECT_EQ(shown["progress"], (Json{{"fraction", 0.5}, {"text", "half way"}}));
  say({"cancel", job});
  EXPECT_EQ(follower.wait(), 2);
  EXPECT_THAT(follower.out(), HasSubstr("cancelled"));
}

TEST_F(HistoryAndFollow, AFollowerWaitsForABrokerThatIsStartedAgain) {
  stack.start_worker();
  const std::string gate = stack.dir() / "gate";
  const std::string job = say(
      {"submit", "exec", "--", "sh", "-c", "echo begun; while [ ! -e " + gate + " ]; do sleep 0.05; done"});
  Process follower({program("joinery"), "--endpoint", stack.endpoint(), "--timeout", "200ms", "job", "show",
                    job, "--follow"});
  ASSERT_TRUE(eventually([&] { return follower.out().find("begun") != std::string::npos; }));
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  EXPECT_TRUE(eventually([&] { return follower.err().find("still trying") != std::string::npos; }));
  stack.start_broker();
  EXPECT_TRUE(eventually([&] { return follower.err().find("is back") != std::string::npos; }));
  say({"submit", "--wait", "exec", "--", "touch", gate});
  EXPECT_EQ(follower.wait(), 0) << follower.err();
  EXPECT_THAT(follower.out(), HasSubstr("succeeded"));
}

TEST_F(HistoryAndFollow, WhatACommandWritesIsFollowedAsItComes) {
  stack.start_worker();
  const std::string gate = stack.dir() / "gate";
  const std::string job =
      say({"submit", "--attempts", "1", "exec", "--", "sh", "-c",
           "echo begun; while [ ! -e " + gate + " ]; do sleep 0.05; done; echo oops >&2; exit 3"});
  Process follower(
      {program("joinery"), "--endpoint", stack.endpoint(), "--json", "job", "show", job, "--follow"});
  EXPECT_TRUE(eventually([&] { return follower.out().find("begun") != std::string::npos; }))
      << "a line of before it came, while the job runs";
  say({"submit", "--wait", "exec", "--", "touch", gate});
  EXPECT_EQ(follower.wait(), 2);
  std::istringstream lines(follower.out());
  std::vector<Json> said;
  for (std::string line; std::getline(lines, line);) said.push_back(Json::parse(line));
  const auto has = [](const char* level, const char* text) {
    return ::testing::Truly([=](const Json& line) {
      return line.value("what", "") == "log" && line.value("level", "") == level &&
             line.value("text", "") == text;
    });
  };
  EXPECT_THAT(said, Contains(has("stdout", "begun")));
  EXPECT_THAT(said, Contains(has("stderr", "oops")));
  EXPECT_EQ(said.back()["what"], "outcome");
  EXPECT_EQ(said.back()["outcome"], "failed");
}

TEST_F(HistoryAndFollow, AJobThatHasEndedHasNothingMoreToSay) {
  stack.start_worker();
  const std::string job = say({"submit", "exec", "--", "true"});
  say({"join", "--queue", "default"});
  EXPECT_EQ(follow(job), "succeeded\n");
  const Finished unknown = stack.joinery({"job", "show", "999", "--follow"});
  EXPECT_NE(unknown.status, 0);
  EXPECT_THAT(unknown.err, HasSubstr("there is no job 999"));
}

}  // namespace
}  // namespace joinery::testing
