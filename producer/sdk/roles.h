// What the program's own children do, by role. Each returns the exit code of the process.
#pragma once

#include "joinery/program.h"
#include "producer/sdk/self.h"

namespace joinery::sdk {

// The description of a process that runs one task: map {"task", "arguments"}, and what joinery::Process adds.
// Returns 0, or 1 after telling stderr what the task threw.
int run_process(Program& program, Given given);

// The supervisor of a pool's own worker, with the exit codes of joinery-worker. Its pool processes are
// further executions of this program.
int run_pool(Given given);

}  // namespace joinery::sdk
