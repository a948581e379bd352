// The tasks that the tests of pools and executors run. Each test program is a joinery::Program: main() is in
// tasks.cpp, and pool processes are further executions of the test.
#pragma once

#include <gmock/gmock.h>
#include <joinery/program.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/stack.h"

namespace joinery::testing {

struct Tasks {
  explicit Tasks(Program& program);

  Task<int(int)> square;
  Task<int(int, int)> add;
  Task<std::string(std::string)> echo;
  Task<std::string(std::size_t)> large;          // a string of so many bytes
  Task<int(int)> odd_fails;                      // throws std::out_of_range for odd numbers
  Task<int(int)> odd_screams;                    // throws what cannot be told as it is
  Task<int(int)> crash_at;                       // SIGKILLs its process for 13, else returns its argument
  Task<int(std::string, int)> crash_once;        // kills its process if the file is not there, and makes it
  Task<void(std::string)> crash_once_then_wait;  // for a file whose name ends with .go
  Task<void(std::string)> fail_once;  // an initializer: the next one waits for the failed one's end
  Task<int(int)> wait_ms;             // sleeps, returns its argument
  Task<void(std::string)> wait_for_file;
  Task<int(std::string, int)> wait_then;  // waits for the file, returns the number
  Task<void(std::string)> set_up;         // an initializer: what `what_was_set` returns
  Task<std::string()> what_was_set;
  Task<int()> pid;
  Task<int(std::string)> unencodable;  // its result throws when it is packed
  Task<void(int)> nothing;
  Task<int()> visit;  // how often this thread has run it
};

// A broker of the test's own, and a program whose pools use it.
class SdkTest : public ::testing::Test {
 protected:
  Stack stack;
  Program program{0, nullptr, {.endpoint = stack.endpoint()}};
  Tasks tasks{program};

  std::string path(const std::string& name) const { return stack.dir() / name; }
  void make_file(const std::string& name) const;
};

}  // namespace joinery::testing
