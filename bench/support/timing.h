// How long a call takes, once or as the median of many.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace joinery::bench {

inline double seconds_of(const std::function<void()>& call) {
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// In microseconds. REQUIRES: times > 0.
inline double median_us(int times, const std::function<void()>& call) {
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) taken.push_back(seconds_of(call) * 1e6);
  std::ranges::nth_element(taken, taken.begin() + times / 2);
  return taken[static_cast<std::size_t>(times / 2)];
}

}  // namespace joinery::bench
