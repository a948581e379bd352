// Time and chance of a simulation: everything random comes from one seed, and every node has clocks of its
// own, which drift and jump.
#pragma once

#include <cstdint>

#include "shared/base/time.h"

namespace joinery::simulation {

// True time since the beginning.
using Instant = Duration;
constexpr Instant never = Instant::max();

// splitmix64: small, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e37'79b9'7f4a'7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58'476d'1ce4'e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d0'49bb'1331'11ebULL;
    return x ^ (x >> 31U);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Duration between(Duration least, Duration most) {
    return least +
           Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }

 private:
  std::uint64_t state_;
};

// The clocks of one machine.
class NodeClock {
 public:
  // `ppm`: how much faster than true time they run.
  explicit NodeClock(std::int64_t ppm = 0) : ppm_(ppm) {}

  Now at(Instant instant) const {
    const Duration local = instant + Duration(instant.count() / 1'000'000 * ppm_ +
                                              instant.count() % 1'000'000 * ppm_ / 1'000'000);
    return {Mono(std::chrono::seconds(1000) + local),
            Wall(std::chrono::seconds(1'700'000'000) + local + jumped_)};
  }
  // The first instant from `now` on at which the monotonic clock shows `mono`.
  Instant when(Mono mono, Instant now) const {
    if (mono == never_mono) return never;
    Instant instant = now;
    for (Mono shown = at(instant).mono; shown < mono; shown = at(instant).mono) {
      instant += std::max(Duration(1), (mono - shown) * 999 / 1000);
    }
    return instant;
  }
  void jump(Duration by) { jumped_ += by; }

 private:
  std::int64_t ppm_;
  Duration jumped_{};
};

}  // namespace joinery::simulation
