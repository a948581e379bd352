// What is refused when it is asked for, by the name of its option, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class Refusals : public StackTest {
 protected:
  Refusals() : StackTest({"--redis-url", "none"}) {}
  // What it says to these words.
  std::string refused(std::vector<std::string> words, int status = 64) {
    const Finished said = stack.joinery(std::move(words));
    EXPECT_EQ(said.status, status) << said.err;
    return said.err;
  }
  std::string submit(std::vector<std::string> flags, int status = 64) {
    flags.insert(flags.begin(), "submit");
    for (const char* word : {"exec", "--", "true"}) flags.emplace_back(word);
    return refused(std::move(flags), status);
  }
  Json counts() { return Json::parse(say({"--json", "status"}))["counts"]; }
};

TEST_F(Refusals, AnOptionOfSubmitThatContradictsOrNeedsAnother) {
  EXPECT_THAT(submit({"--timeout-soft", "5s", "--timeout-hard", "3s"}),
              HasSubstr("--timeout-soft: 5s is longer than --timeout-hard 3s"));
  EXPECT_THAT(submit({"--expires-in", "0s"}), HasSubstr("--expires-in: 0 is over at once"));
  EXPECT_THAT(submit({"--deadline-in", "0"}), HasSubstr("--deadline-in: 0 is over at once"));
  EXPECT_THAT(submit({"--unique", ""}), HasSubstr("--unique: \"\" is not a key"));
  EXPECT_THAT(submit({"--unique-scope", "batch"}), HasSubstr("--unique-scope: needs --unique"));
  EXPECT_THAT(submit({"--unique-until", "1h"}), HasSubstr("--unique-until: needs --unique"));
  EXPECT_THAT(submit({"--on-conflict", "ignore"}), HasSubstr("--on-conflict: needs --unique"));
  EXPECT_THAT(submit({"--after-any"}), HasSubstr("--after-any: needs --after or --after-batch"));
  EXPECT_THAT(submit({"--inputs"}), HasSubstr("--inputs: needs --after"));
  EXPECT_THAT(submit({"--ordered"}), HasSubstr("--ordered: needs a --key"));
  EXPECT_THAT(submit({"--jitter", "7"}), HasSubstr("--jitter: "));
  EXPECT_THAT(submit({"--key", "a//b"}), HasSubstr("--key is 'a//b'; expected no empty level"));
  EXPECT_EQ(counts()["unfinished"], 0);
}

TEST_F(Refusals, AJobThatWouldBeOverBeforeItMayStart) {
  EXPECT_THAT(submit({"--run-at", "2027-02-30T08:00Z"}),
              HasSubstr("--run-at: \"2027-02-30T08:00Z\" is no time"));
  EXPECT_THAT(submit({"--delay", "1m", "--run-at", "2100-01-01"}),
              HasSubstr("--run-at: there is a --delay too"));
  EXPECT_THAT(submit({"--delay", "2h", "--expires-in", "1h"}),
              HasSubstr("--delay: 2h is not over before --expires-in 1h"));
  EXPECT_THAT(submit({"--delay", "2h", "--deadline-in", "2h"}),
              HasSubstr("--delay: 2h is not over before --deadline-in 2h"));
  EXPECT_THAT(submit({"--run-at", "2100-01-01", "--deadline-in", "2h"}),
              HasSubstr("--run-at: is not before --deadline-in 2h is over"));
  EXPECT_EQ(counts()["unfinished"], 0);
  submit({"--run-at", "2001-01-01", "--expires-in", "2h"}, 0);
  EXPECT_EQ(counts()["ready"], 1) << "a time that is over means now";
}

TEST_F(Refusals, WhatTheHandlerWouldNotLookAt) {
  const auto resize = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), "submit");
    flags.emplace_back("resize");
    return refused(std::move(flags));
  };
  EXPECT_THAT(resize({"--cwd", "/tmp"}), HasSubstr("--cwd: is only for handler exec"));
  EXPECT_THAT(resize({"--env", "A=b"}), HasSubstr("--env: is only for handler exec"));
  EXPECT_THAT(submit({"--json-args"}), HasSubstr("--json-args: is not for handler exec"));
  EXPECT_THAT(submit({"--key", ""}), HasSubstr("--key: is empty"));
  EXPECT_THAT(submit({"--refuse-when-full", "--full-timeout", "1s"}),
              HasSubstr("--full-timeout: there is --refuse-when-full too"));
  EXPECT_THAT(refused({"submit", "--payload-file", "x", "--cwd", "/tmp", "exec"}),
              HasSubstr("--payload-file is the whole payload"));
  EXPECT_EQ(counts()["unfinished"], 0);
}

// 0 is not a short time but none, as for a queue that has a default.
TEST_F(Refusals, ATimeoutOfZeroIsNone) {
  say({"queue", "configure", "crawl", "--timeout-soft", "1s", "--timeout-hard", "2s"});
  say({"submit", "--queue", "crawl", "--timeout-hard", "0", "--timeout-soft", "1h", "exec", "--", "true"});
  say({"submit", "--timeout-soft", "0s", "exec", "--", "true"});
  EXPECT_EQ(counts()["unfinished"], 2);
}

TEST_F(Refusals, AreToldByOptionToProgramsToo) {
  say({"queue", "configure", "crawl", "--timeout-hard", "3s"});
  const auto field = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    const std::string err = refused(std::move(words));
    const Json error = Json::parse(err)["error"];
    EXPECT_EQ(error["code"], "invalid_argument") << err;
    return error.value("field", "");
  };
  EXPECT_EQ(field({"submit", "--queue", "crawl", "--timeout-soft", "5s", "exec", "--", "true"}),
            "timeout-soft");
  EXPECT_EQ(field({"submit", "--delay", "2h", "--expires-in", "1h", "exec", "--", "true"}), "delay");
  EXPECT_EQ(field({"queue", "configure", "crawl", "--backoff", "exponential:9s,1s"}), "backoff");
  EXPECT_EQ(field({"limit", "set", "x", "--rate", "1/9999d"}), "rate");
  EXPECT_EQ(field({"limit", "set", "a//b", "--weight", "2"}), "KEY");
  EXPECT_EQ(field({"schedule", "add", "s", "--cron", "@foo", "exec", "--", "true"}), "cron");
  EXPECT_EQ(field({"schedule", "add", "s", "--cron", "@daily", "--after-batch", "1", "exec", "--", "true"}),
            "after-batch");
  EXPECT_EQ(field({"submit", "--attempts", "0", "exec", "--", "true"}), "attempts");
  EXPECT_EQ(field({"submit", "--delay", "soon", "exec", "--", "true"}), "delay");
  EXPECT_EQ(field({"job", "ls", "--finished", "--state", "ready"}), "state");
}

TEST_F(Refusals, ASubmissionThatContradictsTheDefaultsOfItsQueue) {
  say({"queue", "configure", "crawl", "--timeout-hard", "3s"});
  EXPECT_THAT(submit({"--queue", "crawl", "--timeout-soft", "5s"}),
              HasSubstr("--timeout-soft is 5000 ms, expected at most the 3000 ms of --timeout-hard"));
  EXPECT_THAT(refused({"queue", "configure", "crawl", "--timeout-soft", "4s"}),
              HasSubstr("--timeout-soft is 4000 ms"));
  EXPECT_THAT(refused({"queue", "configure", "crawl", "--mode", "banana"}),
              HasSubstr("--mode is 'banana'; expected fifo, lifo or priority"));
}

TEST_F(Refusals, ALimitThatLimitsNothingOrBlocksForEver) {
  EXPECT_THAT(refused({"limit", "set", "x", "--interval", "0s"}), HasSubstr("--interval: 0 is no interval"));
  EXPECT_THAT(refused({"limit", "set", "x"}), HasSubstr("the limit says nothing"));
  EXPECT_THAT(refused({"limit", "set", "x", "--concurrency", "0"}),
              HasSubstr("--concurrency is 0; 0 would block"));
  EXPECT_THAT(refused({"limit", "set", "x", "--burst", "2"}), HasSubstr("--burst needs a rate"));
  EXPECT_EQ(say({"limit", "ls"}), "no limits");
}

TEST_F(Refusals, AScheduleWhoseJobsWouldBeRefused) {
  const auto add = [&](std::vector<std::string> flags) {
    std::vector<std::string> words{"schedule", "add", "s", "--cron", "@daily"};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* word : {"exec", "--", "true"}) words.emplace_back(word);
    return refused(std::move(words));
  };
  EXPECT_THAT(add({"--expires-in", "0s"}), HasSubstr("--expires-in"));
  EXPECT_THAT(add({"--on-conflict", "ignore"}), HasSubstr("--on-conflict: needs --unique"));
  EXPECT_THAT(add({"--after-any"}), HasSubstr("--after-any"));
  EXPECT_THAT(add({"--timeout-soft", "2s", "--timeout-hard", "1s"}), HasSubstr("--timeout-soft"));
  EXPECT_THAT(add({"--overlap", "sometimes"}), HasSubstr("--overlap is 'sometimes'; expected allow, skip"));
  EXPECT_THAT(add({"--catch-up", "some"}), HasSubstr("--catch-up is 'some'; expected none, last or all"));
  EXPECT_THAT(add({"--catch-up", "last", "--catch-up-max", "5"}),
              HasSubstr("--catch-up-max: needs --catch-up all"));
  EXPECT_THAT(add({"--delay", "2h", "--deadline-in", "1h"}), HasSubstr("--delay: 2h is not over before"));
  EXPECT_THAT(refused({"schedule", "add", "s", "--cron", "@daily", "--batch", "77", "exec", "--", "true"}, 1),
              HasSubstr("there is no batch 77, or it finished so long ago"));
  EXPECT_THAT(add({"--unique", "a", "--unique-scope", "batch"}),
              HasSubstr("--unique-scope is batch, expected a batch with that"));
  say({"queue", "configure", "short", "--timeout-hard", "3s"});
  EXPECT_THAT(add({"--queue", "short", "--timeout-soft", "5s"}),
              HasSubstr("--timeout-soft is 5000 ms, expected at most the 3000 ms of --timeout-hard"));
  EXPECT_THAT(refused({"schedule", "add", "s", "--cron", "@foo", "exec", "--", "true"}),
              HasSubstr("--cron: expected @hourly, @daily, @weekly, @monthly, @yearly, @every TIME or five "
                        "fields, got \"@foo\" at column 1"));
  EXPECT_EQ(say({"schedule", "ls"}), "no schedules");
}

TEST_F(Refusals, ADeclaredScheduleWhoseJobsWouldBeRefusedIsNotTakenAndTheLogSaysWhy) {
  const std::string config = stack.dir() / "broker.toml";
  std::ofstream(config) << "[queue.short]\ntimeout_hard = \"3s\"\n"
                           "[schedule.never]\ncron = \"@daily\"\nqueue = \"short\"\n"
                           "command = [\"true\"]\ntimeout_soft = \"5s\"\n"
                           "[schedule.fine]\ncron = \"@daily\"\ncommand = [\"true\"]\n";
  Stack own({"--redis-url", "none", "--config", config});
  EXPECT_THAT(own.say({"schedule", "ls"}), AllOf(HasSubstr("fine"), Not(HasSubstr("never"))));
  EXPECT_THAT(own.broker().err() + own.broker().out(),
              HasSubstr("schedule 'never' of the file could not be taken: spec.soft_timeout_ms is 5000 ms"));
}

TEST_F(Refusals, AnUnknownScheduleIsToldAsSuch) {
  for (const std::string verb : {"rm", "show", "run", "pause", "resume"})
    EXPECT_THAT(refused({"schedule", verb, "nobody"}, 1),
                HasSubstr("there is no schedule 'nobody' (unknown_schedule)"));
}

TEST_F(Refusals, ResultsThatNobodyCouldPassOn) {
  const std::string first = say({"submit", "exec", "--", "true"});
  EXPECT_THAT(submit({"--after", first, "--inputs"}, 1),
              HasSubstr("--inputs is true, and this broker has no Redis"));
  const std::string flow = stack.dir() / "flow.json";
  std::ofstream(flow) << R"({"jobs": {"a": {"command": ["echo", "3"]},
    "b": {"command": ["cat"], "after": ["a"], "inputs": true}}})";
  EXPECT_THAT(refused({"flow", "submit", flow}, 1), HasSubstr("jobs.b.inputs: results cannot be passed on"));
  EXPECT_EQ(counts()["unfinished"], 1);
  EXPECT_EQ(say({"batch", "ls"}), "no batches");
}

TEST_F(Refusals, AFlowThatTheBrokerRefusesNamesTheJobAndStartsNoneOfTheOthers) {
  stack.start_worker();
  const std::string flow = stack.dir() / "flow.json";
  std::ofstream(flow) << R"({"jobs": {"a": {"command": ["true"], "delay": "1h"},
    "b": {"command": ["true"], "after_batch": [77]}}})";
  EXPECT_THAT(refused({"flow", "submit", flow}, 1), HasSubstr("jobs.b.after_batch: there is no batch 77"));
  std::ofstream(flow) << R"({"jobs": {"a": {"command": ["true"], "unique": "u"},
    "b": {"command": ["true"], "after": ["a"], "unique": "u"}}})";
  EXPECT_THAT(refused({"flow", "submit", flow}, 1),
              HasSubstr("jobs.b.unique: another job of the flow has the unique_key u (duplicate_job)"));
  say({"queue", "configure", "small", "--maxsize", "1"});
  std::ofstream(flow) << R"({"jobs": {"a": {"command": ["true"]},
    "b": {"command": ["true"], "queue": "small", "after": ["a"]},
    "c": {"command": ["true"], "queue": "small", "after": ["b"]}}})";
  EXPECT_THAT(refused({"flow", "submit", flow}, 1),
              HasSubstr("jobs.c: queue small holds 0 jobs and maxsize is 1; 2 more do not fit"));
  say({"queue", "configure", "small", "--timeout-hard", "3s"});
  std::ofstream(flow) << R"({"jobs": {"a": {"command": ["true"]},
    "b": {"command": ["true"], "queue": "small", "timeout_soft": "5s"}}})";
  EXPECT_THAT(refused({"flow", "submit", flow}),
              HasSubstr("jobs.b.timeout_soft is 5000 ms, expected at most the 3000 ms of timeout_hard"));
  EXPECT_EQ(counts()["succeeded"], 0) << "though a worker would take them at once";
  EXPECT_EQ(counts()["unfinished"], 0);
  EXPECT_EQ(say({"batch", "ls"}), "no batches");
  std::ofstream(flow) << "{\"jobs\": {\n  \"a\": {]}}";
  EXPECT_THAT(refused({"flow", "submit", flow}), HasSubstr("flow.json: not JSON: line 2, column 9"));
  std::ofstream(flow) << "{\"jobs\": {\n  \"a\": {},\n  \"a\": {}}}";
  EXPECT_THAT(refused({"flow", "submit", flow}),
              HasSubstr("the key \"a\" is there twice (the second at line 3, column 3)"));
}

TEST_F(Refusals, ABatchThatIsNotThereIsNamed) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"submit", "--batch", "99", "exec", "--", "true"},
        {"map", "--batch", "99", "exec", "true", ":::", "a"},
        {"join", "--batch", "99"},
        {"cancel", "--batch", "99"},
        {"batch", "open", "--parent", "99"},
        {"batch", "show", "99"}})
    EXPECT_THAT(refused(words, 1), AllOf(HasSubstr("there is no batch 99"), HasSubstr("(unknown_batch)")));
  EXPECT_THAT(submit({"--after-batch", "99"}, 1), HasSubstr("there is no batch 99"));
}

TEST_F(Refusals, AFlowThatIsTooLargeForAFrameIsToldAsSuch) {
  const std::string flow = stack.dir() / "flow.json";
  std::ofstream file(flow);
  file << R"({"jobs": {)";
  for (int i = 0; i < 30; ++i)
    file << (i == 0 ? "" : ",") << "\"j" << i << R"(": {"command": ["true"], "stdin": ")"
         << std::string(1'000'000, 'x') << "\"}";
  file << "}}";
  file.close();
  EXPECT_THAT(refused({"flow", "submit", flow}, 1),
              HasSubstr("jobs are too much for one flow: the request has 30"));
  EXPECT_EQ(say({"batch", "ls"}), "no batches");
}

TEST_F(Refusals, AMoveThatWouldNotFitIsRefusedByTheDryRunToo) {
  say({"queue", "configure", "small", "--maxsize", "1"});
  for (int i = 0; i < 2; ++i) say({"submit", "--queue", "wide", "exec", "--", "true"});
  for (const std::vector<std::string>& last : {std::vector<std::string>{"--dry-run"}, {}}) {
    std::vector<std::string> words{"job", "move", "--queue", "wide", "--to", "small"};
    words.insert(words.end(), last.begin(), last.end());
    EXPECT_THAT(refused(words, 1), HasSubstr("queue small holds 0 jobs and maxsize is 1; 2 more do not fit"));
  }
}

TEST_F(Refusals, AnOptionThatSaysNothingOrTwoThings) {
  EXPECT_THAT(refused({"cancel", "--queue", "", "--handler", "exec", "--dry-run"}),
              HasSubstr("--queue: expected a value, not an empty text"))
      << "it is not the jobs of all queues";
  EXPECT_THAT(refused({"submit", "--key=", "exec", "--", "true"}), HasSubstr("--key= has no value"));
  EXPECT_THAT(submit({"--delay", "1h", "--delay", "2h"}), HasSubstr("--delay is given twice"));
  EXPECT_THAT(submit({"--cwd", ""}), HasSubstr("--cwd: expected a value"));
  EXPECT_THAT(refused({"submit", "exec", "--", ""}), HasSubstr("the command is an empty text"));
  EXPECT_THAT(refused({"schedule", "add", "s", "--cron", "@daily", "--tz", "", "exec", "--", "true"}),
              HasSubstr("--tz: expected a value"));
  EXPECT_THAT(refused({"queue", "configure", "q", "--history-bytes", ""}),
              HasSubstr("--history-bytes: expected a value"));
  EXPECT_THAT(refused({"queue", "configure", "q", "--unset", "attempts", "--attempts", "3"}),
              HasSubstr("--unset: there is --attempts too"));
  EXPECT_THAT(refused({"map", "--no-wait", "--results", "exec", "echo", ":::", "a"}),
              HasSubstr("--results: there is --no-wait too"));
  EXPECT_THAT(refused({"map", "--no-wait", "--timeout", "5s", "exec", "echo", ":::", "a"}),
              HasSubstr("--timeout: there is --no-wait too"));
  EXPECT_EQ(say({"batch", "ls"}), "no batches");
  EXPECT_EQ(counts()["unfinished"], 0);
}

TEST_F(Refusals, ATimeThatIsNone) {
  EXPECT_THAT(submit({"--run-at", "18448644073710"}), HasSubstr("--run-at: \"18448644073710\" is not in"));
  EXPECT_THAT(submit({"--run-at", "2027-02-28T08:00+25:00"}), HasSubstr("\"+25:00\" is not a time zone"));
  EXPECT_THAT(submit({"--timeout-hard", "0.4ms"}), HasSubstr("\"0.4ms\" is shorter than a millisecond"));
  EXPECT_EQ(counts()["unfinished"], 0);
}

}  // namespace
}  // namespace joinery::testing
