// Starts a program in a child process.
#pragma once

#include <sys/types.h>

#include "shared/base/error.h"
#include "worker/handlers/command.h"

namespace joinery::handlers {

// The child's ends of its standard streams; in < 0: the caller's stdin.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
};

// Returns the child's pid once it has become the program: a command that does not exist is an error here, not
// an exit status. Errors: command_not_found, start_failed.
Result<pid_t> spawn(const Command& command, const Streams& streams);

}  // namespace joinery::handlers
