// What went wrong around the jobs, with the exit code that says so.
#pragma once

#include "producer/client/joinery/client.h"
#include "shared/base/exit_code.h"

namespace joinery::cli::bench {

class Failed : public ClientError {
 public:
  Failed(ExitCode exit, Error error) : ClientError(std::move(error)), exit_code(exit) {}
  const ExitCode exit_code;
};

}  // namespace joinery::cli::bench
