// Waiting for jobs, with a bar or a word of why nothing happens.
#pragma once

#include <functional>
#include <future>
#include <optional>

#include "producer/cli/arguments.h"
#include "producer/cli/context.h"

namespace joinery::cli {

// Runs `work` (a blocking call of the client) in a thread and meanwhile calls `tick` every `every`, on this
// one; what `tick` throws is left out, what `work` throws is thrown.
template <typename Work>
auto while_waiting(Work work, milliseconds every, const std::function<void()>& tick) {
  auto result = std::async(std::launch::async, std::move(work));
  while (result.wait_for(every) != std::future_status::ready) try {
      tick();
    } catch (const ClientError&) {  // the next tick may have more luck; the wait itself goes on
    }
  return result.get();
}

// Waits for the outcome of each job. While the first unfinished one cannot run, says why, once.
std::vector<JobOutcome> wait_for_jobs(Context& context, const std::vector<JobId>& jobs,
                                      std::optional<milliseconds> timeout);

}  // namespace joinery::cli
