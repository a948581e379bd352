// How long anybody waits at most: a timeout that is added to a clock must not go beyond what that can hold,
// as milliseconds::max() would.
#pragma once

#include <algorithm>
#include <chrono>

namespace joinery {

inline constexpr std::chrono::milliseconds longest_wait = std::chrono::hours(24 * 365 * 100);

inline std::chrono::milliseconds at_longest(std::chrono::milliseconds timeout) {
  return std::clamp(timeout, -longest_wait, longest_wait);
}

}  // namespace joinery
