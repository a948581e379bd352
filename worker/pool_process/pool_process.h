// A pool process: takes jobs from the supervisor, runs their handlers, and reports. It decides nothing:
// limits, retries and its own end are the supervisor's.
#pragma once

#include <cstdint>

#include "shared/job/job.h"
#include "shared/protocol/pool.h"
#include "worker/handlers/registry.h"

namespace joinery::pool_process {

struct Options {
  std::uint32_t threads = 1;
  std::uint32_t concurrency = 1;  // jobs at a time on each of them; together 1 to pool::Board::slots_max
  std::size_t result_max = limits::payload_max_default;  // bytes
  int socket = pool::descriptor;
  int board = pool::board_descriptor;  // works without one too
};

// Works until told to stop, and returns the exit code. When the supervisor is gone, the process and its whole
// group end at once instead. Takes over the process: stdin becomes /dev/null, SIGINT, SIGTERM and SIGPIPE are
// ignored (the supervisor decides when to stop).
int run(const handlers::Registry& registry, const Options& options);

}  // namespace joinery::pool_process
