// The default options of a queue: flags of `queue configure`, and what `queue show` says of them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "producer/cli/arguments.h"
#include "producer/cli/json.h"

namespace joinery::cli {

struct QueueDefaultsFlags {
  std::optional<std::uint64_t> attempts, crash_attempts;
  std::string backoff, jitter;
  std::optional<milliseconds> timeout_soft, timeout_hard, keep_result;
  std::vector<std::string> no_retry;
  std::vector<std::string> unset;
};

void add_queue_defaults(Arguments& arguments, QueueDefaultsFlags& flags);
// As the verb wants them; null: nothing was said. Throws invalid_argument, naming the flag.
Json defaults_of(const QueueDefaultsFlags& flags);
// "--attempts 5 --keep-result 1h", as they would be given; "-" if there are none.
std::string defaults_text(const Json& defaults);

}  // namespace joinery::cli
