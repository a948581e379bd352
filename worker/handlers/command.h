// Runs a command and collects what it writes, within bounds and without ever waiting on a full pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "worker/handlers/registry.h"

namespace joinery::handlers {

struct Command {
  std::vector<std::string> argv;         // the program is looked for in PATH
  std::vector<std::string> environment;  // "NAME=value", in front of the process's own
  std::string directory;                 // empty: the process's own
  std::optional<Bytes> input;            // none: stdin is that of the process
};

struct Ended {
  int status = 0;  // as from waitpid
  Buffer out;
  Buffer err;
  bool truncated = false;  // one of them wrote more than is kept
};

// Waits until the command has ended. It is in the process group of the caller, is killed if the calling
// thread dies, and gets one SIGTERM, with all that it started, when the job is cancelled or its soft time limit is
// over. What its own children still write after its end is not waited for. REQUIRES: SIGPIPE is ignored. Errors: command_not_found,
// start_failed.
Result<Ended> run_command(const Command& command, std::size_t output_max, JobContext& job);

}  // namespace joinery::handlers
