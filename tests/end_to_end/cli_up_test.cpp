// joinery up and down with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class CliUp : public ::testing::Test {
 protected:
  Finished joinery(std::vector<std::string> arguments) {
    std::vector<std::string> argv{program("joinery"), "--endpoint", endpoint};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(std::move(argv));
  }
  std::unique_ptr<Process> up() {
    auto process = std::make_unique<Process>(std::vector<std::string>{
        program("joinery"), "--json", "--endpoint", endpoint, "up", "--data-dir", data, "--processes", "1"});
    EXPECT_TRUE(eventually([&] { return process->out().ends_with("\n") || !process->running(); }));
    EXPECT_TRUE(process->running()) << process->err();
    return process;
  }

  TempDir dir;
  const std::string endpoint = "ipc://" + (dir / "joinery.sock");
  const std::string data = dir / "data";
};

TEST_F(CliUp, RunsJobsUntilItIsInterruptedAndThenLeavesNothing) {
  auto stack = up();
  const Json said = Json::parse(stack->out());
  EXPECT_EQ(said["endpoint"], endpoint);
  const Finished result = joinery({"submit", "--wait", "exec", "--", "echo", "hi"});
  EXPECT_EQ(result.out, "hi\n") << result.err;
  stack->signal(SIGINT);
  EXPECT_EQ(stack->wait(), 0) << stack->err();
  EXPECT_TRUE(gone(said["broker_pid"].get<pid_t>()));
  EXPECT_TRUE(gone(said["worker_pid"].get<pid_t>()));
}

TEST_F(CliUp, StartsABrokerThatWasKilledAgain) {
  auto stack = up();
  const Json said = Json::parse(stack->out());
  const std::string job = joinery({"submit", "--delay", "1ms", "exec", "--", "echo", "survived"}).out;
  ::kill(said["broker_pid"].get<pid_t>(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return stack->err().find("starting it again") != std::string::npos; }));
  const Finished result = joinery({"--timeout", "30s", "result", job.substr(0, job.find('\n'))});
  EXPECT_EQ(result.out, "survived\n") << result.err << stack->err();
  EXPECT_THAT(stack->err(), HasSubstr("was killed by signal 9"));
  stack->signal(SIGTERM);
  EXPECT_EQ(stack->wait(), 0);
}

TEST_F(CliUp, ItsChildrenDieWithIt) {
  auto stack = up();
  const Json said = Json::parse(stack->out());
  stack->signal(SIGKILL);
  stack->wait();
  EXPECT_TRUE(eventually(
      [&] { return gone(said["broker_pid"].get<pid_t>()) && gone(said["worker_pid"].get<pid_t>()); }));
}

TEST_F(CliUp, GoesOnInTheBackgroundUntilDown) {
  const Finished started = joinery({"up", "--detach", "--data-dir", data, "--processes", "1"});
  ASSERT_EQ(started.status, 0) << started.err;
  EXPECT_THAT(started.out, HasSubstr(endpoint));
  EXPECT_EQ(joinery({"status"}).status, 0);
  const Finished twice = joinery({"up", "--data-dir", data});
  EXPECT_EQ(twice.status, 1);
  EXPECT_THAT(twice.err, HasSubstr("joinery down"));
  EXPECT_EQ(joinery({"down", "--data-dir", data}).status, 0);
  EXPECT_EQ(joinery({"down", "--data-dir", data}).status, 1);
}

TEST_F(CliUp, ADetachedOneThatCannotStartTellsWhyAndItsCode) {
  auto stack = up();
  const Finished second = joinery({"up", "--detach", "--data-dir", dir / "other"});
  EXPECT_EQ(second.status, 80) << second.err;
  EXPECT_THAT(second.err, HasSubstr("endpoint_taken"));
}

TEST_F(CliUp, WithoutAnyHandlerTheBrokerRunsAlone) {
  const Finished said = joinery({"--json", "up", "--detach", "--no-exec", "--data-dir", data});
  ASSERT_EQ(said.status, 0) << said.err;
  EXPECT_TRUE(Json::parse(said.out)["worker_pid"].is_null());
  EXPECT_EQ(joinery({"submit", "add", "1", "2"}).status, 0);
  EXPECT_EQ(joinery({"down", "--data-dir", data}).status, 0);
}

TEST_F(CliUp, ASecondInterruptHandsBackWhatRuns) {
  auto stack = up();
  const std::string started = dir / "started";
  const std::string job =
      joinery({"submit", "exec", "--", "sh", "-c", "echo > " + started + "; exec sleep 60"}).out;
  ASSERT_TRUE(eventually([&] { return std::ifstream(started).good(); }));
  stack->signal(SIGINT);
  ASSERT_TRUE(eventually([&] { return stack->err().find("finishing what runs") != std::string::npos; }));
  EXPECT_TRUE(eventually([&] {
    stack->signal(SIGINT);
    return stack->err().find("stopping at once") != std::string::npos;
  }));
  EXPECT_EQ(stack->wait(), 0) << stack->err();

  Process again({program("joinery-broker"), "--endpoint", endpoint, "--data-dir", data, "--ready-fd", "9"},
                {.environment = {}, .directory = {}, .input = {}, .ready = true});
  again.wait_ready();
  const Json shown = Json::parse(joinery({"--json", "job", "show", job.substr(0, job.find('\n'))}).out);
  EXPECT_EQ(shown["state"], "ready") << shown;
  EXPECT_EQ(shown["losses"], 0) << shown;
}

TEST_F(CliUp, SignalsOfOneMomentAreOneRequestToStop) {
  auto stack = up();
  const std::string file = dir / "file";
  joinery({"submit", "exec", "--", "sh", "-c",
           "echo started > " + file + "; until grep -q go " + file + "; do sleep 0.05; done; echo over >> " +
               file});
  ASSERT_TRUE(eventually([&] { return std::ifstream(file).good(); }));
  for (int i = 0; i < 3; ++i) stack->signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return stack->err().find("finishing what runs") != std::string::npos; }));
  std::ofstream(file, std::ios::app) << "go\n";
  EXPECT_EQ(stack->wait(), 0) << stack->err();
  EXPECT_EQ(stack->err().find("stopping at once"), std::string::npos) << stack->err();
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  EXPECT_THAT(text, HasSubstr("over"));
}

TEST_F(CliUp, StandardDescriptorsThatAreClosedAreNobodysSocketOrJournal) {
  const auto closed = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"sh", "-c", "exec \"$0\" \"$@\" <&- >&- 2>&-"});
    return words;
  };
  const std::vector<std::string> argv{program("joinery"), "--endpoint", endpoint,      "up",
                                      "--data-dir",       data,         "--processes", "1"};
  Process stack(closed(argv));
  ASSERT_EQ(joinery({"--retry", "submit", "--wait", "exec", "--", "echo", "hi"}).out, "hi\n");
  std::vector<pid_t> programs = children_of(stack.pid());
  ASSERT_EQ(programs.size(), 2U);
  programs.push_back(stack.pid());
  for (const pid_t pid : programs) {
    for (const char* fd : {"0", "1", "2"}) {
      EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/fd/" + fd), "/dev/null");
    }
  }
  for (const char* name : {"joinery-broker", "joinery-worker"}) {
    EXPECT_EQ(run(closed({program(name), "--version"})).status, 0);
  }
  stack.signal(SIGTERM);
  EXPECT_EQ(stack.wait(), 0);
}

TEST_F(CliUp, EndsWithTheCodeOfABrokerThatCannotStart) {
  auto stack = up();
  const Finished second = joinery({"up", "--data-dir", dir / "other"});
  EXPECT_EQ(second.status, 80) << second.err;
  EXPECT_THAT(second.err, HasSubstr("endpoint_taken"));
  stack->signal(SIGTERM);
  EXPECT_EQ(stack->wait(), 0);
}

}  // namespace
}  // namespace joinery::testing
