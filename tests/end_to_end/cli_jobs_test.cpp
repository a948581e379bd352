// The command line against a real broker, Redis and worker: jobs in, results out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

// Broker and worker are started once for all tests here; each test has a queue or batch of its own.
class CliJobs : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    stack = std::make_unique<Stack>();
    stack->start_worker();
  }
  static void TearDownTestSuite() { stack.reset(); }
  static Finished joinery(std::vector<std::string> arguments, std::string input = {}) {
    return stack->joinery(std::move(arguments), std::move(input));
  }

  static std::unique_ptr<Stack> stack;
};
std::unique_ptr<Stack> CliJobs::stack;

TEST_F(CliJobs, ASubmittedCommandHasItsOutputAsItsResult) {
  const Finished submitted = joinery({"submit", "exec", "--", "sh", "-c", "echo hi; echo there >&2"});
  ASSERT_EQ(submitted.status, 0) << submitted.err;
  const Finished result = joinery({"result", without_line_end(submitted.out)});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "hi\n");
  EXPECT_THAT(result.err, HasSubstr("there\n"));
}

TEST_F(CliJobs, WordsInBracketsReachTheJobAsTheyWereTyped) {
  EXPECT_EQ(joinery({"submit", "--wait", "exec", "printf", "%s|", "[a,b]", "[]", "[c]"}).out,
            "[a,b]|[]|[c]|");
  EXPECT_EQ(joinery({"submit", "--wait", "exec", "--env", "A=1", "--env", "B=[1,2]", "--", "sh", "-c",
                     "echo $A $B"})
                .out,
            "1 [1,2]\n");
  EXPECT_EQ(joinery({"map", "--results", "exec", "echo", "[a,b]", ":::", "[x,y]"}).out, "[a,b] [x,y]\n");
  const std::string job =
      without_line_end(joinery({"submit", "--json-args", "vec", "[1,2,3.5]", "status", "true"}).out);
  EXPECT_THAT(joinery({"job", "show", "--payload", job}).out, HasSubstr(R"([[1,2,3.5],"status",true])"));
  joinery({"cancel", job});
}

TEST_F(CliJobs, AResultIsOneJsonLineIfAsked) {
  const std::string job = without_line_end(joinery({"submit", "exec", "--", "echo", "hi"}).out);
  const Finished said = joinery({"--json", "result", job});
  const Json result = Json::parse(said.out);
  EXPECT_EQ(result["job"], std::stoull(job));
  EXPECT_EQ(result["outcome"], "succeeded");
  EXPECT_EQ(result["result"]["stdout"], "hi\n");
  EXPECT_EQ(result["attempt"], 1);
}

TEST_F(CliJobs, AFailedCommandIsToldWithItsStatusAndLastWords) {
  const std::string job = without_line_end(
      joinery({"submit", "--attempts", "1", "exec", "--", "sh", "-c", "echo sorry >&2; exit 3"}).out);
  const Finished result = joinery({"result", job});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("job " + job + " failed: exit status: 3: sorry"));
  EXPECT_THAT(result.err, HasSubstr("(handler_error)"));
  EXPECT_THAT(joinery({"dead", "ls"}).out, HasSubstr("sorry"));
  EXPECT_EQ(joinery({"dead", "delete", job}).out, "1 job deleted\n");
}

TEST_F(CliJobs, WhatAFailedCommandWroteIsItsResultBesideTheError) {
  const std::vector<std::string> command{"exec", "--", "sh", "-c", "echo out; echo err >&2; exit 3"};
  const auto with = [&command](std::vector<std::string> words) {
    words.insert(words.end(), command.begin(), command.end());
    return joinery(words);
  };
  const Finished json = with({"--json", "submit", "--wait", "--attempts", "1"});
  EXPECT_EQ(json.status, 2);
  const Json said = Json::parse(json.out);
  EXPECT_EQ(said["outcome"], "failed");
  EXPECT_EQ(said["error"]["message"], "3: err");
  EXPECT_EQ(said["result"],
            (Json{{"status", 3}, {"stdout", "out\n"}, {"stderr", "err\n"}, {"truncated", false}}));
  const Finished text = joinery({"result", std::to_string(said["job"].get<std::uint64_t>())});
  EXPECT_EQ(text.out, "out\n");
  EXPECT_THAT(text.err, StartsWith("err\njoinery: job"));
  const Finished mapped = joinery(
      {"map", "--results", "--attempts", "1", "exec", "--", "sh", "-c", "echo out {}; exit 3", ":::", "x"});
  EXPECT_EQ(mapped.out, "out x\n");
  EXPECT_EQ(mapped.status, 2);
}

// No result is kept where there is no Redis; a job that succeeded has succeeded all the same.
TEST(CliWithoutRedis, SubmitWithWaitTellsTheOutcome) {
  Stack stack({"--redis-url", "none"});
  stack.start_worker();
  const Finished said = stack.joinery({"submit", "--wait", "exec", "true"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("job 1 succeeded; its result is not kept, as the broker has no Redis"));
  const Json json = Json::parse(stack.joinery({"--json", "submit", "--wait", "exec", "true"}).out);
  EXPECT_EQ(json["job"], 2);
  EXPECT_EQ(json["outcome"], "succeeded");
  EXPECT_TRUE(json["result"].is_null());
  EXPECT_EQ(stack.joinery({"submit", "--wait", "--attempts", "1", "exec", "false"}).status, 2);
  const Finished refused = stack.joinery({"map", "--results", "exec", "true", ":::", "x"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("--results: the broker keeps no results"));
}

TEST(CliWithoutRedis, ASubmitJustBehindTheStartOfTheBrokerWaitsForItsWorker) {
  Stack stack({"--redis-url", "none"});
  Process submit({program("joinery"), "--endpoint", stack.endpoint(), "submit", "exec", "true"});
  ASSERT_TRUE(eventually([&] { return submit.out() == "1\n"; }));
  stack.start_worker();
  EXPECT_EQ(submit.wait(), 0);
  EXPECT_EQ(submit.err(), "");
}

TEST_F(CliJobs, AnInterruptedMapWithdrawsWhatWaitsForRoomAtOnce) {
  ASSERT_EQ(joinery({"queue", "configure", "narrow", "--maxsize", "2"}).status, 0);
  ASSERT_EQ(joinery({"queue", "pause", "narrow"}).status, 0);
  const auto parked = [] {
    return Json::parse(joinery({"--json", "queue", "show", "narrow"}).out)["counts"]["parked"].get<int>();
  };
  Process map({program("joinery"), "--endpoint", stack->endpoint(), "map", "--queue", "narrow", "exec", "--",
               "true", ":::", "1", "2", "3", "4", "5"});
  ASSERT_TRUE(eventually([&] { return parked() > 0; }));
  map.signal(SIGINT);
  EXPECT_EQ(map.wait(), 128 + SIGINT);
  EXPECT_THAT(map.err(), HasSubstr("batch cancel"));
  EXPECT_TRUE(eventually([&] { return parked() == 0; }, std::chrono::seconds(5)));
}

TEST_F(CliJobs, SubmitWithWaitPrintsTheResultAndPassesStdin) {
  const Finished said = joinery({"submit", "--wait", "--stdin", "-", "exec", "--", "wc", "-c"}, "12345");
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(without_line_end(said.out), "5");
}

TEST_F(CliJobs, MapRunsAJobForEachLineAndPrintsResults) {
  std::string lines;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    lines += std::to_string(i) + "\n";
    expected.push_back("item " + std::to_string(i));
  }
  const Finished said = joinery({"map", "--results", "exec", "--", "echo", "item", "{}"}, lines);
  EXPECT_EQ(said.status, 0) << said.err;
  std::istringstream stream(said.out);
  std::vector<std::string> got;
  for (std::string line; std::getline(stream, line);) got.push_back(line);
  EXPECT_THAT(got, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_THAT(said.err, HasSubstr("300 jobs: 300 succeeded"));
}

TEST_F(CliJobs, MapTakesArgumentsAndTellsIndexAndCountsAsJson) {
  const Finished said = joinery({"--json", "map", "--results", "exec", "--", "echo", ":::", "a", "b"});
  EXPECT_EQ(said.status, 0) << said.err;
  std::istringstream stream(said.out);
  std::map<int, std::string> by_index;
  Json last;
  for (std::string line; std::getline(stream, line);) {
    last = Json::parse(line);
    if (last.contains("index")) by_index[last["index"]] = last["result"]["stdout"];
  }
  EXPECT_EQ(by_index, (std::map<int, std::string>{{0, "a\n"}, {1, "b\n"}}));
  EXPECT_EQ(last["submitted"], 2);
  EXPECT_EQ(last["counts"]["succeeded"], 2);
}

TEST_F(CliJobs, MapWithAFailureEndsWithCodeTwo) {
  const Finished said =
      joinery({"map", "--attempts", "1", "exec", "--", "test", "{}", "=", "a", ":::", "a", "b"});
  EXPECT_EQ(said.status, 2) << said.err;
  EXPECT_THAT(said.out, HasSubstr("2 jobs: 1 succeeded, 1 failed"));
}

TEST_F(CliJobs, MapNamesTheLineThatIsNotJson) {
  const Finished said = joinery({"map", "--jsonl", "exec"}, "[\"true\"]\nnonsense\n");
  EXPECT_EQ(said.status, 1);
  EXPECT_THAT(said.err, HasSubstr("line 2 of stdin is not JSON"));
}

TEST_F(CliJobs, MapNamesTheLineThatNoCommandCanBeGiven) {
  using namespace std::string_literals;
  const char* nul = ": an argument has a NUL character, which no command can be given (malformed_payload)";
  EXPECT_THAT(joinery({"map", "exec", "echo"}, "a\nb\0c\n"s).err, HasSubstr("line 2 of stdin"s + nul));
  EXPECT_THAT(joinery({"map", "--jsonl", "exec", "echo"}, "\"a\"\n\n[\"b\\u0000c\"]\n").err,
              HasSubstr("line 3 of stdin"s + nul));
  EXPECT_THAT(joinery({"map", "--jsonl", "exec"}, "[\"\", \"a\"]\n").err,
              HasSubstr("line 1 of stdin: the command is an empty text"));
  EXPECT_EQ(joinery({"map", "-0", "exec", "--", "test", "{}", "!=", "x"}, "a\0b\0"s).status, 0);
}

TEST_F(CliJobs, ARefusedMapLeavesNoBatchBehind) {
  const auto batches = [] { return Json::parse(joinery({"--json", "batch", "ls"}).out).size(); };
  const std::size_t before = batches();
  const auto refused = [](std::vector<std::string> flags, const std::string& input = "a\nb\n") {
    flags.insert(flags.begin(), "map");
    return joinery(std::move(flags), input).err;
  };
  EXPECT_THAT(refused({"--jsonl", "exec"}, "[\"true\"]\nnonsense\n"), HasSubstr("line 2 of stdin"));
  EXPECT_THAT(refused({"--after", "999999", "exec", "echo"}), HasSubstr("--after: there is no job 999999"));
  EXPECT_THAT(refused({"--after-batch", "999999", "exec", "echo"}), HasSubstr("there is no batch 999999"));
  EXPECT_THAT(refused({"--key", "a//b", "exec", "echo"}), HasSubstr("--key is 'a//b'"));
  joinery({"queue", "configure", "tiny", "--maxsize", "1"});
  joinery({"submit", "--queue", "tiny", "exec", "--", "true"});
  EXPECT_THAT(refused({"--queue", "tiny", "--refuse-when-full", "exec", "echo"}), HasSubstr("queue_full"));
  EXPECT_EQ(batches(), before);
}

TEST_F(CliJobs, ABatchIsSubmittedNowAndJoinedLater) {
  const Finished submitted = joinery({"map", "--no-wait", "exec", "--", "true", ":::", "a", "b", "c"});
  const Finished joined = joinery({"--json", "join", "--batch", without_line_end(submitted.out)});
  EXPECT_EQ(joined.status, 0) << joined.err;
  EXPECT_EQ(Json::parse(joined.out)["counts"]["succeeded"], 3);
}

TEST_F(CliJobs, JoinGivesUpAfterItsTimeout) {
  ASSERT_EQ(joinery({"submit", "--queue", "nobody", "exec", "--", "true"}).status, 0);
  const Finished joined = joinery({"join", "--queue", "nobody", "--timeout", "50ms"});
  EXPECT_EQ(joined.status, 3);
  EXPECT_THAT(joined.err, HasSubstr("did not finish in time (timed_out)"));
}

TEST_F(CliJobs, SeveralIdsAreTakenAtOnce) {
  const std::string one = without_line_end(joinery({"submit", "exec", "--", "echo", "one"}).out);
  const std::string two = without_line_end(joinery({"submit", "exec", "--", "echo", "two"}).out);
  EXPECT_EQ(joinery({"join", one, two}).status, 0);
  EXPECT_EQ(joinery({"result", one, two}).out, "one\ntwo\n");
  EXPECT_THAT(joinery({"job", "show", one, two}).out, HasSubstr("job       " + two));
}

TEST_F(CliJobs, OfAJobThatHasEndedOnlyWhatIsKnownIsShown) {
  const std::string job = without_line_end(joinery({"submit", "exec", "--", "true"}).out);
  ASSERT_EQ(joinery({"join", job}).status, 0);
  const Finished shown = joinery({"job", "show", job});
  EXPECT_THAT(shown.out, HasSubstr("outcome   succeeded"));
  EXPECT_THAT(shown.out, HasSubstr("handler   exec"));
  EXPECT_THAT(shown.out, Not(HasSubstr("payload")));
  EXPECT_THAT(joinery({"dead", "show", job}).err, HasSubstr("(invalid_state)"));
  EXPECT_THAT(joinery({"cancel", job}).err, HasSubstr("(invalid_state)"));
  EXPECT_THAT(joinery({"job", "retry", job}).err, HasSubstr("(invalid_state)"));
}

TEST_F(CliJobs, APutToAFullQueueSaysThatItWaitsAndMayBeLimited) {
  ASSERT_EQ(joinery({"queue", "configure", "full", "--maxsize", "1"}).status, 0);
  ASSERT_EQ(joinery({"submit", "-q", "full", "exec", "--", "true"}).status, 0);
  const Finished limited = joinery({"submit", "-q", "full", "--timeout", "1s", "exec", "--", "true"});
  EXPECT_EQ(limited.status, 3);
  EXPECT_THAT(limited.err, HasSubstr("queue full is full (maxsize 1); waiting for room"));
  EXPECT_THAT(limited.err, HasSubstr("had no room within 1s"));
  const Finished full = joinery({"submit", "-q", "full", "--full-timeout", "10ms", "exec", "--", "true"});
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("(queue_full)"));
}

TEST_F(CliJobs, AnInterruptWithdrawsAPutThatWaitsForRoom) {
  ASSERT_EQ(joinery({"queue", "configure", "crowded", "--maxsize", "1"}).status, 0);
  ASSERT_EQ(joinery({"submit", "-q", "crowded", "exec", "--", "true"}).status, 0);
  Process waits(
      {program("joinery"), "--endpoint", stack->endpoint(), "submit", "-q", "crowded", "exec", "--", "true"});
  ASSERT_TRUE(eventually([&] { return waits.err().find("waiting for room") != std::string::npos; }));
  waits.signal(SIGINT);
  EXPECT_EQ(waits.wait(), 128 + SIGINT);
  EXPECT_TRUE(eventually([&] {
    return Json::parse(joinery({"--json", "queue", "show", "crowded"}).out)["counts"]["parked"] == 0;
  }));
}

TEST_F(CliJobs, AFailedItemOfMapIsNamed) {
  const std::vector<std::string> job{"exec", "--", "test", "{}", "=", "a", ":::", "a", "pear"};
  std::vector<std::string> words{"map", "--attempts", "1", "--results"};
  words.insert(words.end(), job.begin(), job.end());
  EXPECT_THAT(joinery(words).err, HasSubstr("(item pear) failed: exit status: 1"));
  words.erase(words.begin() + 3);
  const std::string said = joinery(words).err;
  EXPECT_THAT(said, HasSubstr("failed: exit status: 1"));
  EXPECT_THAT(said, HasSubstr("joinery dead ls"));
}

TEST_F(CliJobs, DeadLettersAreNotAmongTheUnfinishedJobs) {
  ASSERT_EQ(joinery({"submit", "--wait", "--attempts", "1", "--batch",
                     without_line_end(joinery({"batch", "open"}).out), "exec", "--", "false"})
                .status,
            2);
  EXPECT_THAT(joinery({"job", "ls"}).out, Not(HasSubstr("failed")));
  EXPECT_THAT(joinery({"job", "ls", "--state", "failed"}).out, HasSubstr("exit status"));
}

TEST_F(CliJobs, NotesAreJsonIfAsked) {
  const Finished submitted = joinery({"--json", "submit", "nobody-has-this"});
  EXPECT_THAT(Json::parse(submitted.err)["note"].get<std::string>(), HasSubstr("no connected worker"));
}

TEST_F(CliJobs, AJobThatNobodyCanRunIsWarnedOfAndExplained) {
  const Finished submitted = joinery({"submit", "resize", "a.jpg"});
  EXPECT_EQ(submitted.status, 0);
  EXPECT_THAT(submitted.err, HasSubstr("no connected worker has handler \"resize\""));
  const std::string job = without_line_end(submitted.out);
  EXPECT_THAT(joinery({"job", "show", job, "--payload"}).out, HasSubstr("[\"a.jpg\"]"));
  const Finished result = joinery({"result", job, "--timeout", "1s"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("no connected worker has handler"));
  EXPECT_EQ(joinery({"cancel", job}).out, "1 job cancelled\n");
}

TEST_F(CliJobs, AQueueIsPausedExplainedAndResumed) {
  const Finished configured =
      joinery({"--json", "queue", "configure", "slow", "--mode", "priority", "--maxsize", "10"});
  ASSERT_EQ(configured.status, 0) << configured.err;
  EXPECT_EQ(Json::parse(configured.out)["maxsize"], 10);
  ASSERT_EQ(joinery({"queue", "pause", "slow", "--reason", "moving"}).status, 0);
  EXPECT_THAT(joinery({"queue", "show", "slow"}).out, HasSubstr("moving"));
  EXPECT_THAT(joinery({"queue"}).out, StartsWith("QUEUE"));
  EXPECT_EQ(joinery({"queue", "resume", "slow"}).status, 0);
}

TEST_F(CliJobs, StatusStatsAndWorkersAreTables) {
  EXPECT_TRUE(eventually([&] { return joinery({"status"}).out.find("1 worker") != std::string::npos; }));
  EXPECT_THAT(joinery({"stats"}).out, HasSubstr("on disk"));
  EXPECT_THAT(joinery({"worker", "ls"}).out, HasSubstr("exec"));
  EXPECT_EQ(Json::parse(joinery({"--json", "status"}).out)["workers"], 1);
}

TEST_F(CliJobs, ErrorsOfTheBrokerHaveTheirWord) {
  const Finished said = joinery({"--json", "queue", "show", "no-such-queue"});
  EXPECT_EQ(said.status, 1);
  EXPECT_EQ(Json::parse(said.err)["error"]["code"], "unknown_queue");
}

}  // namespace
}  // namespace joinery::testing
