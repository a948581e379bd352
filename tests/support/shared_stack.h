// A broker and a worker that are started once for all tests of a fixture, and `joinery` to speak with them.
// Each test has queues, batches and keys of its own.
//
//   class CliJobs : public SharedStack<CliJobs> {};
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/stack.h"

namespace joinery::testing {

template <typename Fixture>
class SharedStack : public ::testing::Test {
 protected:
  using Json = nlohmann::json;

  static void SetUpTestSuite() {
    stack = std::make_unique<Stack>();
    stack->start_worker();
  }
  static void TearDownTestSuite() { stack.reset(); }

  static Finished joinery(std::vector<std::string> arguments, std::string input = {}) {
    return stack->joinery(std::move(arguments), std::move(input));
  }
  // Without the ends of lines at the end.
  static std::string trimmed(std::string text) {
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
  }
  // What it says, which must have gone well.
  static std::string say(std::vector<std::string> arguments) {
    const Finished said = joinery(std::move(arguments));
    EXPECT_EQ(said.status, 0) << said.err;
    return trimmed(said.out);
  }
  static Json show(const std::string& job) { return Json::parse(say({"--json", "job", "show", job})); }
  static std::string state(const std::string& job) {
    const Json shown = show(job);
    return shown.value("state", shown.value("outcome", "?"));
  }

  inline static std::unique_ptr<Stack> stack;
};

}  // namespace joinery::testing
