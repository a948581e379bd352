// Whether the kernel has killed processes for lack of memory lately. It counts them, and does not say which:
// so a process that was killed just after the count has grown was, probably, one of them.
#pragma once

#include <cstdint>

#include "shared/base/time.h"

namespace joinery::worker {

class MemoryKills {
 public:
  // `count`: of all time, at a start.
  explicit MemoryKills(std::uint64_t count) : before_(count), latest_(count) {}

  // How long a kill is remembered, at least; at most twice as long.
  static constexpr Duration lately{5'000'000};

  // Whether it is time to note the count again: as often as there is something else to do.
  bool due(Mono now) const { return now >= due_; }
  void note(Mono now, std::uint64_t count) {
    before_ = latest_;
    latest_ = count;
    due_ = now + lately;
  }
  // Whether the count has grown lately; each growth explains one death.
  bool explains_one(std::uint64_t count) {
    const bool grown = count > before_;
    before_ = latest_ = count;
    return grown;
  }

 private:
  std::uint64_t before_, latest_;
  Mono due_{};
};

}  // namespace joinery::worker
