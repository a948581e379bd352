// Flow files: every option of submit, each mistake by job and key, and where a file is no JSON.
#include "producer/cli/flow_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace joinery::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Wall now{std::chrono::seconds(1'800'000'000)};

Result<Flow> parse(const std::string& jobs) {
  const auto file = parse_json_file(R"({"jobs": )" + jobs + "}");
  EXPECT_TRUE(file) << file.error().message;
  return parse_flow(*file, Settings{}, now);
}

SubmitOptions options(const std::string& keys) {
  const auto flow = parse(R"({"a": {"command": ["true"], )" + keys + "}}");
  EXPECT_TRUE(flow) << flow.error().message;
  return flow ? flow->jobs.front().options : SubmitOptions{};
}

std::string refused(const std::string& jobs) {
  const auto flow = parse(jobs);
  EXPECT_FALSE(flow);
  return flow ? "" : flow.error().message;
}
std::string refused_key(const std::string& keys) {
  return refused(R"({"a": {"command": ["true"], )" + keys + "}}");
}

TEST(FlowFile, AJobTakesTheOptionsOfSubmit) {
  const SubmitOptions some = options(
      R"("queue": "q", "priority": -3, "attempts": 5, "crash_attempts": 2, "backoff": "fixed:5s", "jitter": 0.5,
         "no_retry": ["KeyError"], "keep_result": "1h", "timeout_soft": "5s", "timeout_hard": "9s",
         "key": "host:x", "ordered": true, "unique": "u", "unique_scope": "batch", "unique_until": "10m",
         "on_conflict": "ignore")");
  EXPECT_EQ(some.queue, "q");
  EXPECT_EQ(some.priority, -3);
  EXPECT_EQ(some.key, "host:x");
  EXPECT_EQ(some.unique_key, "u");
  const Spec& spec = some.spec;
  EXPECT_EQ(spec.attempts, 5U);
  EXPECT_EQ(spec.crash_attempts, 2U);
  EXPECT_EQ(spec.backoff.initial_ms, 5000U);
  EXPECT_EQ(spec.backoff.jitter, 0.5F);
  EXPECT_EQ(spec.no_retry, std::vector<std::string>{"KeyError"});
  EXPECT_EQ(spec.result_ttl_s, 3600U);
  EXPECT_EQ(spec.soft_timeout_ms, 5000U);
  EXPECT_EQ(spec.hard_timeout_ms, 9000U);
  EXPECT_TRUE(spec.ordered);
  EXPECT_EQ(spec.unique, (Unique{UniqueScope::batch, UniqueUntil::time, OnConflict::ignore, 600'000}));
}

TEST(FlowFile, TimesOfAJobCountFromTheSubmission) {
  const SubmitOptions some = options(R"("delay": "5m", "expires_in": "1h", "deadline_in": "2h")");
  EXPECT_EQ(some.delay, 5min);
  EXPECT_EQ(options(R"("run_at": "2027-01-01T08:00Z")").run_at, Wall(std::chrono::seconds(1'798'790'400)));
  EXPECT_EQ(some.expires_at, now + 1h);
  EXPECT_EQ(some.deadline, now + 2h);
}

TEST(FlowFile, ACommandHasItsDirectoryEnvironmentAndStdin) {
  const auto flow = parse(
      R"({"a": {"command": ["cat"], "cwd": "/tmp", "env": {"LEVEL": "9"}, "stdin": "hello"},
          "b": {"handler": "resize", "args": ["cat.jpg", 75], "after": ["a"], "after_batch": [7]}})");
  ASSERT_TRUE(flow) << flow.error().message;
  const Json first = *from_msgpack(flow->jobs[0].payload);
  EXPECT_EQ(first["cwd"], "/tmp");
  EXPECT_EQ(first["env"]["LEVEL"], "9");
  EXPECT_EQ(first["stdin"].get_binary().size(), 5U);
  EXPECT_EQ(*from_msgpack(flow->jobs[1].payload), Json::parse(R"(["cat.jpg", 75])"));
  EXPECT_EQ(flow->jobs[1].options.after_batches, std::vector<BatchId>{7});
}

TEST(FlowFile, AMistakeIsNamedByJobAndKey) {
  EXPECT_EQ(refused("{}"), "jobs is empty: a flow has at least one job");
  EXPECT_EQ(refused("[]"), "jobs is no object of jobs by name");
  EXPECT_EQ(refused("null"), "jobs is missing: an object of jobs by name");
  EXPECT_EQ(refused(R"({"a": {"handler": "exec"}})"),
            "jobs.a has neither a \"command\", as [\"make\", \"fetch\"], nor a \"handler\"");
  EXPECT_EQ(refused(R"({"a": {"command": ["a\u0000b"]}})"),
            "jobs.a.command has a NUL character, which no command can be given");
  EXPECT_EQ(refused_key(R"("cwd": "/\u0000")"),
            "jobs.a.cwd has a NUL character, which no command can be given");
  EXPECT_EQ(refused_key(R"("env": {"A": "\u0000"})"),
            "jobs.a.env has a NUL character, which no command can be given");
  EXPECT_EQ(refused_key(R"("env": {"A=B": "c"})"),
            "jobs.a.env has the name \"A=B\", expected one that is not empty and has no =");
  EXPECT_EQ(refused_key(R"("delay": "2h", "expires_in": "1h")"),
            "jobs.a.delay: 2h is not over before expires_in 1h");
  EXPECT_EQ(refused(R"({"a": {"handler": "h", "cwd": "/"}})"), "jobs.a.cwd is only for the handler exec");
  EXPECT_EQ(refused(R"({"a": {"handler": ""}})"), "jobs.a.handler has 0 bytes, expected 1 to 255");
  EXPECT_THAT(refused_key(R"("attempts": 0)"), HasSubstr("jobs.a.attempts is 0"));
  EXPECT_THAT(refused_key(R"("attempts": "3")"), HasSubstr("jobs.a.attempts is \"3\""));
  EXPECT_THAT(refused_key(R"("priority": 1.5)"), HasSubstr("jobs.a.priority is 1.5"));
  EXPECT_THAT(refused_key(R"("afer": [])"),
              HasSubstr("jobs.a.afer: there is no such key; a job has handler, "));
  EXPECT_THAT(refused_key(R"("delay": "soon")"), HasSubstr("jobs.a.delay is "));
  EXPECT_THAT(refused_key(R"("run_at": "noon")"), HasSubstr("jobs.a.run_at is "));
  EXPECT_THAT(refused_key(R"("env": {"A": 1})"), HasSubstr("jobs.a.env is no object of texts"));
  EXPECT_THAT(refused_key(R"("after_batch": [0])"), HasSubstr("jobs.a.after_batch is no list"));
  EXPECT_THAT(refused_key(R"("jitter": 2)"), HasSubstr("jobs.a.jitter: "));
}

TEST(FlowFile, ADurationHasTheBoundsOfSubmit) {
  for (const char* key : {"keep_result", "delay", "expires_in", "deadline_in", "timeout_soft"})
    EXPECT_EQ(refused_key(fmt::format(R"("{}": "99999d")", key)),
              fmt::format("jobs.a.{} is \"99999d\" is longer than a hundred years", key));
  EXPECT_EQ(refused_key(R"("timeout_hard": "50d")"), "jobs.a.timeout_hard: at most 49 days");
}

TEST(FlowFile, ATextThatSaysNothingIsRefused) {
  for (const char* key : {"cwd", "queue", "key", "backoff", "unique", "unique_scope", "on_conflict"})
    EXPECT_EQ(refused_key(fmt::format(R"("{}": "")", key)),
              fmt::format("jobs.a.{} is an empty text, expected a value", key));
  EXPECT_EQ(refused(R"({"a": {"command": [""]}})"), "jobs.a.command is empty");
}

std::uint32_t kept_s(const std::string& before, const std::string& next) {
  const auto flow = parse(R"({"a": {"command": ["true"])" + before +
                          R"(}, "b": {"command": ["cat"], "after": ["a"], "inputs": true)" + next + "}}");
  EXPECT_TRUE(flow) << flow.error().message;
  return flow ? flow->jobs.front().options.spec.result_ttl_s : 0;
}

TEST(FlowFile, AResultThatIsPassedOnIsKeptUntilTheNextJobMayStart) {
  constexpr std::uint32_t day_s = 86'400;
  EXPECT_EQ(kept_s("", ""), day_s);
  EXPECT_EQ(kept_s(R"(, "keep_result": "0")", ""), day_s);
  EXPECT_EQ(kept_s("", R"(, "delay": "48h")"), 3 * day_s);
  EXPECT_EQ(kept_s("", R"(, "run_at": ")" + std::to_string(1'800'000'000 + 2 * day_s) + "\""), 3 * day_s);
  EXPECT_EQ(kept_s(R"(, "keep_result": "2h")", R"(, "delay": "1h")"), 7200U) << "as it was said";
  EXPECT_EQ(
      refused(R"({"a": {"command": ["true"], "keep_result": "1s"},
                        "b": {"command": ["cat"], "after": ["a"], "inputs": true, "delay": "1h"}})"),
      "jobs.a.keep_result is 1s, expected more than 1h: so much later jobs.b, which is given the result, "
      "may start");
}

// Jobs of a flow with these keys: b is given the result of a, and may come after c too.
Result<Flow> passes_on(const std::string& a, const std::string& b, const std::string& c = "") {
  return parse(R"({"a": {"command": ["true"])" + a + R"(}, "b": {"command": ["cat"], "inputs": true)" + b +
               R"(}, "c": {"command": ["true"])" + c + "}}");
}

std::uint32_t kept_of_a_s(const Result<Flow>& flow) {
  EXPECT_TRUE(flow) << flow.error().message;
  if (!flow) return 0;
  return std::ranges::find(flow->jobs, "a", &FlowJob::name)->options.spec.result_ttl_s;
}

TEST(FlowFile, AResultIsKeptFromWhenItsOwnJobMayEnd) {
  constexpr std::uint32_t day_s = 86'400;
  const char* after_a = R"(, "after": ["a"], "delay": "49h")";
  EXPECT_EQ(kept_of_a_s(passes_on(R"(, "delay": "48h", "keep_result": "1d")", after_a)), day_s);
  EXPECT_EQ(kept_of_a_s(passes_on(R"(, "delay": "48h", "keep_result": "1s")", R"(, "after": ["a"])")), 1U)
      << "b starts as soon as a has ended";
  const auto late = passes_on(R"(, "delay": "48h", "keep_result": "1h")", after_a);
  ASSERT_FALSE(late);
  EXPECT_EQ(
      late.error().message,
      "jobs.a.keep_result is 1h, expected more than 1h: so much later jobs.b, which is given the result, "
      "may start");
}

TEST(FlowFile, AResultIsKeptUntilWhatElseTheNextJobComesAfterMayEnd) {
  constexpr std::uint32_t day_s = 86'400;
  const char* after_both = R"(, "after": ["a", "c"])";
  EXPECT_EQ(kept_of_a_s(passes_on("", after_both, R"(, "delay": "30d")")), 31 * day_s);
  EXPECT_EQ(kept_of_a_s(
                passes_on("", after_both, R"(, "after": ["d"]}, "d": {"command": ["true"], "delay": "30d")")),
            31 * day_s)
      << "through a chain";
  const auto late = passes_on(R"(, "keep_result": "1d")", after_both, R"(, "delay": "30d")");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().field, "jobs.a.keep_result");
}

TEST(FlowFile, HasAtMostAsManyJobsAsAFrame) {
  std::string jobs;
  for (std::size_t i = 0; i <= limits::jobs_per_frame_max; ++i)
    jobs += (i == 0 ? "{\"j" : ", \"j") + std::to_string(i) + "\": {}";
  EXPECT_EQ(refused(jobs + "}"), "jobs has 65537 jobs, expected at most 65536");
}

TEST(FlowFile, AnOptionThatNeedsAnotherIsRefusedWithoutIt) {
  EXPECT_EQ(refused_key(R"("timeout_soft": "5s", "timeout_hard": "3s")"),
            "jobs.a.timeout_soft: 5s is longer than timeout_hard 3s");
  EXPECT_EQ(refused_key(R"("unique_scope": "batch")"), "jobs.a.unique_scope: needs unique");
  EXPECT_EQ(refused_key(R"("ordered": true)"),
            "jobs.a.ordered: needs a key, since the order is that of its jobs");
  EXPECT_EQ(refused_key(R"("after_any": true)"), "jobs.a.after_any needs \"after\" or \"after_batch\"");
  EXPECT_EQ(refused_key(R"("inputs": true)"), "jobs.a.inputs needs \"after\"");
  EXPECT_EQ(refused_key(R"("expires_in": "0s")"), "jobs.a.expires_in: 0 is over at once; expected more");
}

TEST(FlowFile, ThatIsNoJsonIsToldByLineAndColumn) {
  const auto broken = parse_json_file("{\"jobs\": {\n  \"a\": }}");
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("not JSON: line 2, column 8: "));
  const auto twice = parse_json_file(R"({"jobs": {"a": {}, "a": {}}})");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "the key \"a\" is there twice (the second at line 1, column 20)");
}

}  // namespace
}  // namespace joinery::cli
