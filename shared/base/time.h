// The two clocks that Joinery knows, as types that cannot be mixed. Only main() and the event loops read
// them; everything else is given a Now.
#pragma once

#include <chrono>

namespace joinery {

using Duration = std::chrono::microseconds;
// Monotonic time: leases, time limits, relative delays. Has no meaning in another process or after a restart.
using Mono = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// Wall time: schedules, and everything that is stored or shown. It may jump.
using Wall = std::chrono::sys_time<Duration>;

struct Now {
  Mono mono;
  Wall wall;
};

// Reads both clocks. Called once per turn of a loop.
inline Now read_clocks() {
  return {std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()),
          std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())};
}

constexpr Mono never_mono = Mono::max();
constexpr Wall never_wall = Wall::max();

}  // namespace joinery
