// The tasks that the tests of processes and pipes run. The test program is a joinery::Program; main() is in
// main.cpp.
#pragma once

#include <joinery/connection.h>
#include <joinery/process.h>

#include <string>

namespace joinery::testing {

struct Tasks {
  explicit Tasks(Program& program);

  Task<void()> nothing;
  Task<void(std::string)> fail;
  Task<void(int)> leave;                              // exit(n)
  Task<void(int)> raise;                              // that signal
  Task<void(Connection)> wait_for_end;                // until the pipe ends
  Task<void(Connection)> echo;                        // bytes, until the pipe ends
  Task<void(Connection, Connection)> forward;         // from the first to the second
  Task<void(msgpack::object, Connection)> last_word;  // sends the last of a list, after it received one
  Task<void(std::string, std::string)> greet;         // connects to the address, sends the text
};

// What main() declared.
const Program& program();
const Tasks& tasks();

}  // namespace joinery::testing
