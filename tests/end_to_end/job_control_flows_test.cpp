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
  static std::string say(std::vector<std::string> arguments) { return stack->say(std::move(arguments)); }
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
  EXPECT_THAT(joinery({"job", "update", job, "--priority", "1"}).err,
              HasSubstr("job " + job + " has ended (succeeded), expected one that waits"));
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

TEST_F(JobControlFlows, AClaimUntilSuccessIsKeptByADeadLetter) {
  const auto submit = [](const char* command) {
    return joinery({"submit", "--wait", "--attempts", "1", "--unique", "mail:9", "--unique-until",
                    "succeeded", "exec", "--", command});
  };
  EXPECT_EQ(submit("false").status, 2);
  const std::string refused = submit("true").err;
  EXPECT_THAT(refused, HasSubstr("--unique: job "));
  EXPECT_THAT(refused, HasSubstr("(duplicate_job)"));
  const Json dead = Json::parse(say({"--json", "dead", "ls"}));
  say({"dead", "delete", std::to_string(dead.back()["job"].get<std::uint64_t>())});
  EXPECT_EQ(submit("true").status, 0);
  EXPECT_EQ(submit("true").status, 0) << "and a success frees it";
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

TEST_F(JobControlFlows, AJobComesAfterOthers) {
  const std::string first = say({"submit", "--queue", "shelf", "exec", "--", "true"});
  const std::string second = say({"submit", "--after", first, "exec", "--", "true"});
  EXPECT_EQ(state(second), "blocked");
  EXPECT_EQ(show(second)["reason"], "blocked by job " + first);
  say({"job", "move", first, "--to", "default"});
  EXPECT_EQ(joinery({"result", second}).status, 0);
  EXPECT_THAT(joinery({"submit", "--after", "x", "exec", "--", "true"}).err, HasSubstr("--after"));
  EXPECT_THAT(joinery({"submit", "--after", "987654", "exec", "--", "true"}).err, HasSubstr("no job 987654"));
}

TEST_F(JobControlFlows, WhatComesAfterAFailureDoesNotRun) {
  const std::string first = say({"submit", "--queue", "shelf", "--attempts", "1", "exec", "--", "false"});
  const std::string second = say({"submit", "--after", first, "exec", "--", "true"});
  const std::string third = say({"submit", "--after", first, "--after-any", "exec", "--", "true"});
  say({"job", "move", first, "--to", "default"});
  EXPECT_EQ(joinery({"result", third}).status, 0);
  EXPECT_EQ(state(second), "cancelled");
  const Finished late = joinery({"submit", "--wait", "--after", first, "exec", "--", "true"});
  EXPECT_NE(late.status, 0);
  EXPECT_THAT(late.err, HasSubstr("cancelled"));
}

TEST_F(JobControlFlows, ACallbackRunsWhenItsBatchIsFinishedAlsoAfterARestart) {
  Stack own;
  own.start_worker();
  const auto line = [&](std::vector<std::string> arguments) {
    const Finished said = own.joinery(std::move(arguments));
    EXPECT_EQ(said.status, 0) << said.err;
    return said.out.substr(0, said.out.find('\n'));
  };
  const std::string batch = line({"batch", "open", "night", "--hold"});
  const std::string good = line({"submit", "--after-batch", batch, "exec", "--", "true"});
  const std::string any = line({"submit", "--after-batch", batch, "--after-any", "exec", "--", "true"});
  const std::string inner = line({"batch", "open", "--parent", batch});
  line({"submit", "--batch", batch, "exec", "--", "true"});
  const std::string bad = line({"submit", "--batch", inner, "--attempts", "1", "exec", "--", "false"});
  EXPECT_EQ(own.joinery({"join", bad}).status, 2);
  own.broker().signal(SIGKILL);
  own.broker().wait();
  own.start_broker();
  EXPECT_THAT(line({"--json", "job", "show", any}), HasSubstr("blocked by batch " + batch));
  line({"batch", "close", batch});
  EXPECT_EQ(own.joinery({"result", any}).status, 0);
  EXPECT_NE(own.joinery({"result", good}).status, 0) << "one of the batch in it failed";
}

TEST_F(JobControlFlows, NothingOfACancelledBatchStarts) {
  const std::string batch = say({"batch", "open"});
  const std::string inner = say({"batch", "open", "--parent", batch});
  const std::string job = say({"submit", "--queue", "shelf", "--batch", inner, "exec", "--", "true"});
  EXPECT_EQ(say({"cancel", "--batch", batch, "--dry-run"}), "1 job fit (nothing was done)");
  EXPECT_EQ(say({"batch", "cancel", batch}), "1 job cancelled");
  EXPECT_THAT(say({"batch", "show", inner}), HasSubstr("cancelled"));
  EXPECT_EQ(state(job), "cancelled");
  EXPECT_EQ(joinery({"join", "--batch", batch}).status, 2) << "the job of the batch in it did not succeed";
  EXPECT_EQ(joinery({"join", "--batch", inner}).status, 2);
  EXPECT_THAT(joinery({"submit", "--batch", inner, "exec", "--", "true"}).err, HasSubstr("was cancelled"));
}

TEST_F(JobControlFlows, WhatRunsInACancelledBatchIsToldThenKilledAndTheRestNeverStarts) {
  Stack own;
  own.start_worker();
  const std::string batch = own.say({"batch", "open"});
  const std::string marks = own.dir() / "marks";
  const std::string stubborn =
      "trap 'echo told >> " + marks + "' TERM; echo runs >> " + marks + "; while :; do sleep 0.05; done";
  const std::string runs = own.say({"submit", "--batch", batch, "exec", "--", "sh", "-c", stubborn});
  const auto marked = [&] {
    std::ifstream file(marks);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_TRUE(eventually([&] { return marked() == "runs\n"; }));
  own.say({"submit", "--batch", batch, "--delay", "1h", "exec", "--", "true"});
  EXPECT_EQ(own.say({"batch", "cancel", batch, "--grace", "300ms"}), "2 jobs cancelled");
  own.broker().signal(SIGKILL);
  own.broker().wait();
  own.start_broker();
  EXPECT_EQ(own.joinery({"join", "--batch", batch}).status, 2);
  EXPECT_THAT(own.say({"batch", "show", batch}), HasSubstr("2 cancelled"));
  EXPECT_TRUE(marked().starts_with("runs\n")) << marked();
  EXPECT_THAT(own.joinery({"submit", "--batch", batch, "exec", "--", "true"}).err,
              HasSubstr("was cancelled"));
}

TEST_F(JobControlFlows, AJoinOfABatchTellsTheOutcomesOfTheJobsOfThoseInIt) {
  const std::string outer = say({"batch", "open", "--hold"});
  const std::string inner = say({"batch", "open", "--parent", outer});
  const std::string innermost = say({"batch", "open", "--parent", inner});
  say({"submit", "--batch", inner, "exec", "--", "true"});
  say({"submit", "--batch", innermost, "--attempts", "1", "exec", "--", "false"});
  say({"batch", "close", outer});
  const Finished joined = joinery({"--json", "join", "--batch", outer});
  EXPECT_EQ(joined.status, 2);
  const Json counts = Json::parse(joined.out)["counts"];
  EXPECT_EQ(counts["succeeded"], 1);
  EXPECT_EQ(counts["failed"], 1);
  EXPECT_THAT(say({"batch", "show", outer}), HasSubstr("1 succeeded, 1 failed"));
}

TEST_F(JobControlFlows, BatchesAreListed) {
  const std::string batch = say({"batch", "open", "tonight", "--hold"});
  const Finished said = joinery({"batch", "ls"});
  EXPECT_THAT(said.out, HasSubstr("tonight"));
  EXPECT_THAT(said.out, HasSubstr("held"));
  EXPECT_THAT(joinery({"batch", "ls", "--after", batch}).out, ::testing::Not(HasSubstr("tonight")));
}

TEST_F(JobControlFlows, ManyJobsAreChosenByWhatTheyHaveInCommon) {
  for (const char* queue : {"bulk-a", "bulk-b"}) {
    for (int i = 0; i < 3; ++i) say({"submit", "--queue", queue, "exec", "--", "true"});
  }
  EXPECT_EQ(say({"cancel", "--queue", "bulk-a", "--dry-run"}), "3 jobs fit (nothing was done)");
  EXPECT_EQ(say({"cancel", "--queue", "bulk-a", "--older-than", "1h"}), "0 jobs cancelled");
  EXPECT_EQ(say({"cancel", "--queue", "bulk-a", "--handler", "exec"}), "3 jobs cancelled");
  EXPECT_EQ(say({"job", "move", "--queue", "bulk-b", "--to", "bulk-c"}), "3 jobs moved");
  EXPECT_THAT(joinery({"job", "move", "--to", "bulk-c"}).err, HasSubstr("say which"));
  say({"submit", "--attempts", "1", "exec", "--", "sh", "-c", "echo out of paper >&2; exit 3"});
  const auto fit = [] { return joinery({"dead", "retry", "--error", "out of paper", "--dry-run"}).out; };
  EXPECT_TRUE(eventually([&] { return fit() == "1 job fit (nothing was done)\n"; }));
  EXPECT_EQ(say({"dead", "delete", "--error", "out of paper"}), "1 job deleted");
}

TEST_F(JobControlFlows, ManyJobsAreChosenByKeyBatchAndStateToo) {
  const std::string batch = say({"batch", "open"});
  say({"submit", "--queue", "pile", "--key", "host:a", "exec", "--", "true"});
  say({"submit", "--queue", "pile", "--key", "host:b", "--batch", batch, "exec", "--", "true"});
  say({"submit", "--queue", "pile", "--batch", batch, "--delay", "1h", "exec", "--", "true"});
  const auto fit = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"cancel", "--dry-run", "--queue", "pile"});
    return say(std::move(flags)).substr(0, 1);
  };
  EXPECT_EQ(fit({"--key", "host:a"}), "1");
  EXPECT_EQ(fit({"--batch", batch}), "2");
  EXPECT_EQ(fit({"--state", "scheduled"}), "1");
  EXPECT_EQ(fit({"--batch", batch, "--state", "ready"}), "1");
  EXPECT_EQ(say({"cancel", "--queue", "pile"}), "3 jobs cancelled");
  say({"submit", "--attempts", "1", "exec", "--", "sh", "-c", "echo no ink >&2; exit 3"});
  EXPECT_TRUE(eventually([&] {
    return joinery({"dead", "retry", "--error", "no ink", "--dry-run"}).out.starts_with("1 ");
  }));
  EXPECT_EQ(say({"dead", "retry", "--error", "no ink"}), "1 job will run again");
}

TEST_F(JobControlFlows, AFlowIsSubmittedFromAFile) {
  const Finished said = joinery({"--json", "flow", "submit", "-"}, R"({"name": "night", "jobs": {
    "report": {"command": ["true"], "after": ["fetch", "clean"]},
    "fetch":  {"command": ["true"]},
    "clean":  {"command": ["false"], "attempts": 1},
    "mail":   {"command": ["true"], "after": ["report"], "after_any": true}}})");
  ASSERT_EQ(said.status, 0) << said.err;
  const Json flow = Json::parse(said.out);
  const auto job = [&](const char* name) { return flow["jobs"][name].dump(); };
  EXPECT_EQ(joinery({"join", "--batch", flow["batch"].dump()}).status, 2);
  EXPECT_EQ(state(job("fetch")), "succeeded");
  EXPECT_EQ(state(job("clean")), "failed");
  EXPECT_EQ(state(job("report")), "cancelled");
  EXPECT_EQ(state(job("mail")), "succeeded");
}

TEST_F(JobControlFlows, ResultsArePassedOnInAChainAndInAChord) {
  const Finished said = joinery({"--json", "flow", "submit", "-"}, R"({"jobs": {
      "a":   {"command": ["echo", "3"]},
      "b":   {"command": ["echo", "4"]},
      "sum": {"command": ["awk", "{s += $1} END {print s}"], "after": ["a", "b"], "inputs": true, "keep_result": "1h"},
      "say": {"command": ["echo", "it is {input}"], "after": ["sum"], "inputs": true, "keep_result": "1h"}}})");
  ASSERT_EQ(said.status, 0) << said.err;
  const Json flow = Json::parse(said.out);
  EXPECT_EQ(joinery({"join", "--batch", flow["batch"].dump()}).status, 0);
  EXPECT_EQ(say({"result", flow["jobs"]["sum"].dump()}), "7");
  EXPECT_EQ(say({"result", flow["jobs"]["say"].dump()}), "it is 7");
}

TEST_F(JobControlFlows, AnInputThatWasNotKeptFailsTheJobUnlessItCanDoWithout) {
  const std::string first = say({"submit", "--keep-result", "0", "exec", "--", "echo", "1"});
  const Finished without = joinery({"submit", "--wait", "--inputs", "--after", first, "exec", "--", "cat"});
  EXPECT_NE(without.status, 0);
  EXPECT_THAT(without.err, HasSubstr("the result of job " + first));
  EXPECT_EQ(
      joinery({"submit", "--wait", "--inputs", "--after-any", "--after", first, "exec", "--", "cat"}).status,
      0);
  EXPECT_THAT(joinery({"submit", "--inputs", "exec", "--", "cat"}).err, HasSubstr("--inputs"));
}

TEST_F(JobControlFlows, InputsAreThereAlsoIfRedisWasAway) {
  Stack own({"--log-level", "debug"});
  own.start_worker();
  const Finished first = own.joinery({"submit", "--wait", "--keep-result", "1h", "exec", "--", "echo", "41"});
  ASSERT_EQ(first.status, 0) << first.err;
  const Finished second = own.joinery(
      {"submit", "--queue", "shelf", "--inputs", "--after", "1", "--keep-result", "1h", "exec", "--", "cat"});
  own.broker().signal(SIGKILL);
  own.broker().wait();
  own.start_broker();
  const std::string job = second.out.substr(0, second.out.find('\n'));
  EXPECT_EQ(own.joinery({"job", "move", job, "--to", "default"}).status, 0);
  EXPECT_EQ(own.joinery({"result", job}).out, "41\n");
}

TEST_F(JobControlFlows, AMistakeInAFlowIsNamedAndNothingIsSubmitted) {
  const auto refused = [](const char* jobs) {
    const Finished said = joinery({"flow", "submit", "-"}, std::string(R"({"jobs": )") + jobs + "}");
    EXPECT_EQ(said.status, 64);
    return said.err;
  };
  EXPECT_THAT(refused(R"({"a": {"command": ["true"], "after": ["b"]}})"),
              HasSubstr("jobs.a.after names \"b\", and there is no such job"));
  EXPECT_THAT(
      refused(R"({"a": {"command": ["true"], "after": ["b"]}, "b": {"command": ["true"], "after": ["a"]}})"),
      HasSubstr("a after b after a"));
  EXPECT_THAT(refused(R"({"a": {"command": ["true"], "attempts": -1}})"), HasSubstr("jobs.a.attempts"));
  EXPECT_THAT(refused(R"({"a": {"command": ["true"], "afer": []}})"),
              HasSubstr("joinery: jobs.a.afer: there is no such key; a job has handler, "));
  EXPECT_THAT(refused(R"({"a": {"args": [1]}})"), HasSubstr("jobs.a has neither a \"command\""));
}

}  // namespace
}  // namespace joinery::testing
