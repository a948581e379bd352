// The real programs as a user runs them: a broker with its private Redis in a directory of its own, and
// workers.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace joinery::testing {

// Path of one of our programs ("joinery-broker") in the build tree.
std::string program(const std::string& name);

class Stack {
 public:
  // Extra flags and environment for each broker that is started.
  explicit Stack(std::vector<std::string> broker_flags = {},
                 std::map<std::string, std::string> environment = {});

  // Starts the broker (again), and waits until it is ready. The endpoint stays the same over restarts.
  void start_broker();
  Process& broker() { return *broker_; }
  // Starts a worker; the broker need not be there.
  Process& start_worker(std::vector<std::string> flags = {"--allow-exec", "--processes", "2"},
                        const std::string& program_path = program("joinery-worker"));
  Process& worker(std::size_t index) { return *workers_.at(index); }

  const std::string& endpoint() const { return endpoint_; }
  std::string data_dir() const { return dir_ / "data"; }
  const TempDir& dir() const { return dir_; }

  // Runs `joinery ARGUMENTS` against this broker.
  Finished joinery(std::vector<std::string> arguments, std::string input = {});
  // The same, and fails the test unless all went well. What it says, without the last line's end.
  std::string say(std::vector<std::string> arguments);

 private:
  TempDir dir_;
  std::string endpoint_;
  std::vector<std::string> broker_flags_;
  std::map<std::string, std::string> environment_;
  std::vector<std::unique_ptr<Process>> workers_;
  std::unique_ptr<Process> broker_;
};

// A test with a stack of its own, spoken to by the command line.
class StackTest : public ::testing::Test {
 protected:
  explicit StackTest(std::vector<std::string> broker_flags = {}) : stack(std::move(broker_flags)) {}
  std::string say(std::vector<std::string> arguments) { return stack.say(std::move(arguments)); }
  void restart_broker();  // after SIGKILL

  Stack stack;
};

}  // namespace joinery::testing
