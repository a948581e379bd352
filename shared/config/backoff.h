// Backoffs as people write them, in flags and files.
#pragma once

#include <string>

#include "shared/base/error.h"
#include "shared/job/job.h"

namespace joinery::config {

// "fixed:5s", "exponential:1s,10m,2", "list:1s,5s,30s". Error: invalid_config, "\"x\" is not ...".
Result<Backoff> parse_backoff(const std::string& text);
// The same way back, without the jitter.
std::string format_backoff(const Backoff& backoff);
// 0 to 1.
Result<float> parse_jitter(const std::string& text);

}  // namespace joinery::config
