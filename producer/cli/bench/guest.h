// The benchmark as a guest of a broker that runs already: a queue of its own, which is emptied at the end.
#pragma once

#include <chrono>
#include <string>

namespace joinery::cli::bench {

// "bench-1a2b3c4d".
std::string new_queue_name();
// Throws ClientError broker_unreachable after a few seconds, and UsageError of what is no endpoint.
void require_reachable(const std::string& endpoint);
// Cancels what is in the queue until nothing more comes for `settle`, forgets what has ended there, and lets
// the queue run again. Throws ClientError; timed_out if jobs are left after half a minute.
void empty_queue(const std::string& endpoint, const std::string& queue, std::chrono::milliseconds settle);

}  // namespace joinery::cli::bench
