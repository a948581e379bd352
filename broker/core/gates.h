// A gate counts what runs of one node of keys under a limit, and knows when the next may start.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "shared/base/time.h"

namespace joinery::broker {

using GateId = std::uint32_t;
constexpr GateId no_gate = 0xffff'ffff;

// A lane that may be gone by now.
struct LaneRef {
  std::uint32_t lane = 0;
  std::uint32_t serial = 0;
};

// Lanes of one line, first come, first served.
class WaitingLanes {
 public:
  explicit WaitingLanes(std::uint32_t line) : line_(line) {}
  std::uint32_t line() const { return line_; }
  bool empty() const { return first_ == lanes_.size(); }
  void push(LaneRef lane) { lanes_.push_back(lane); }
  LaneRef pop() {
    const LaneRef lane = lanes_[first_++];
    if (first_ * 2 >= lanes_.size()) {
      lanes_.erase(lanes_.begin(), lanes_.begin() + first_);
      first_ = 0;
    }
    return lane;
  }

 private:
  std::uint32_t line_;
  std::uint32_t first_ = 0;
  std::vector<LaneRef> lanes_;
};

// What few gates need: those that lanes wait at, or that a handler holds.
struct GateRest {
  Mono held_until{};  // nothing before, because a handler said so
  Mono timer_at = never_mono;
  std::optional<Duration> interval;  // as a handler wants it
  std::vector<WaitingLanes> waiting;

  bool waited_for() const {
    return std::ranges::any_of(waiting, [](const WaitingLanes& lanes) { return !lanes.empty(); });
  }
};

// A million keys have a million of them, each for as long as its times go on.
struct Gate {
  Mono full_at{};                 // when all of the burst can start again
  Mono next_at{};                 // nothing before, because of the interval
  std::uint32_t name = 0;         // of its node; if ordered, its key. 0: there is no such gate
  std::uint32_t ordered : 1 = 0;  // one at a time, of the jobs of one key with Spec::ordered
  std::uint32_t of : 31 = 0;      // number of its limit, 0: only held by its handlers; if ordered, its queue
  std::uint32_t running = 0;
  std::uint32_t rest = 0xffff'ffff;  // slot of its GateRest
};
static_assert(sizeof(Gate) == 32);

struct GateTimer {
  Mono at;
  GateId gate = 0;
};

}  // namespace joinery::broker
