// Times of single calls, and their percentiles.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace joinery::cli::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

class Latencies {
 public:
  void add(Clock::duration taken) { us_.push_back(std::chrono::duration<float, std::micro>(taken).count()); }
  void add(const Latencies& others) { us_.insert(us_.end(), others.us_.begin(), others.us_.end()); }
  bool empty() const { return us_.empty(); }
  std::size_t size() const { return us_.size(); }
  // In microseconds; part 0.5 is the median. REQUIRES: not empty.
  double at(double part) {
    const auto last = static_cast<double>(us_.size() - 1);
    const auto nth = us_.begin() + static_cast<std::ptrdiff_t>(part * last + 0.5);
    std::ranges::nth_element(us_, nth);
    return *nth;
  }

 private:
  std::vector<float> us_;
};

}  // namespace joinery::cli::bench
