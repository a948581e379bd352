// The broker's refusals, in the words of the command line.
#include "producer/cli/option_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "shared/job/job.h"
#include "shared/job/limit.h"

namespace joinery::cli {
namespace {

bool any(std::string_view) { return true; }

Error refused(const Spec& spec, const Columns& columns = {}) {
  Group group{.spec = spec, .payloads = {"x"}, .columns = columns};
  group.spec.handler = "h";
  const auto valid = validate(group, 100);
  EXPECT_FALSE(valid);
  return valid ? Error{} : in_options(valid.error(), any);
}

TEST(OptionNames, AMessageThatBeginsWithAnOptionIsAboutIt) {
  EXPECT_EQ(field_of("--jitter: \"7\" is no part"), "jitter");
  EXPECT_EQ(field_of("--timeout-soft is 5000 ms"), "timeout-soft");
  EXPECT_EQ(field_of("--jitter"), "jitter");
  EXPECT_EQ(field_of("say which: --queue"), "");
}

TEST(OptionNames, EachFieldOfASubmissionIsToldByItsOption) {
  const auto told = [](auto change) {
    Spec spec;
    Columns columns;
    change(spec, columns);
    const Error error = refused(spec, columns);
    EXPECT_EQ(error.message.find("spec."), std::string::npos) << error.message;
    EXPECT_EQ(error.message.find("columns."), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("--" + error.field), std::string::npos) << error.message;
    return error.field;
  };
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.attempts = 0; }), "attempts");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.crash_attempts = 0; }), "crash-attempts");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.backoff.max_ms = 1; }), "backoff");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.backoff.factor = 0; }), "backoff");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.backoff.list_ms.resize(101); }), "backoff");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.backoff.jitter = 2; }), "jitter");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.no_retry = {""}; }), "no-retry");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.unique.ttl_ms = 5; }), "unique-until");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.unique.scope = UniqueScope::batch; }), "unique");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.inputs = true; }), "inputs");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.ordered = true; }), "ordered");
  EXPECT_EQ(told([](Spec& spec, Columns&) { spec.after = After::finished; }), "after-any");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.delay_ms = {UINT64_MAX}; }), "delay");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.run_at_ms = {-1}; }), "run-at");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.expires_at_ms = {-1}; }), "expires-in");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.deadline_ms = {-1}; }), "deadline-in");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.key = {"a//b"}; }), "key");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.unique_key = {"\n"}; }), "unique");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.after = {{0}}; }), "after");
  EXPECT_EQ(told([](Spec&, Columns& columns) { columns.after_batches = {{0}}; }), "after-batch");
}

TEST(OptionNames, BothHalvesOfAContradictionAreOptions) {
  Spec spec;
  spec.soft_timeout_ms = 5000;
  spec.hard_timeout_ms = 3000;
  const Error error = refused(spec);
  EXPECT_EQ(error.message, "--timeout-soft is 5000 ms, expected at most the 3000 ms of --timeout-hard");
  EXPECT_EQ(error.field, "timeout-soft");
}

TEST(OptionNames, ACommandWithoutTheOptionKeepsTheField) {
  const Error of_wire{Code::invalid_argument, "interval_ms is 5; at most 4", "interval_ms"};
  const auto none = [](std::string_view) { return false; };
  EXPECT_EQ(in_options(of_wire, none).message, of_wire.message);
  EXPECT_EQ(in_options(of_wire, none).field, of_wire.field);
  EXPECT_EQ(in_options(of_wire, any).message, "--interval is 5; at most 4");
}

TEST(OptionNames, WhatNamesNoOptionIsLeftAlone) {
  const Error unknown{Code::unknown_schedule, "there is no schedule 'a'", "schedule"};
  EXPECT_EQ(in_options(unknown, any).message, unknown.message);
  const Error conflict{Code::duplicate_job, "job 5 has the unique_key spec.unicorn", "columns.unique_key"};
  EXPECT_EQ(in_options(conflict, any).message, "--unique: job 5 has the unique_key spec.unicorn");
}

TEST(OptionNames, AJobOfAFlowHasKeysInstead) {
  EXPECT_EQ(in_keys("--unique-scope: needs --unique", "jobs.a"), "jobs.a.unique_scope: needs unique");
  EXPECT_EQ(in_keys("there is no such --thing here", "jobs.a"), "jobs.a: there is no such --thing here");
  EXPECT_EQ(in_keys("", "jobs.a"), "jobs.a: ");
}

}  // namespace
}  // namespace joinery::cli
