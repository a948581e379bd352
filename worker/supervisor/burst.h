// When a worker with --burst is done: the broker says that no job is ready in any of its queues, while it
// holds none. Jobs that are scheduled, blocked, or wait out a backoff are not waited for; nor are ready ones
// that stay ready for long although there is capacity: they are paused, or for handlers of others.
#pragma once

#include <cstdint>
#include <optional>

#include "shared/base/time.h"

namespace joinery::worker {

class Burst {
 public:
  enum class Next : std::uint8_t { wait, ask, done };

  // Each turn. `busy`: something is held, not acknowledged, or there is no session.
  Next turn(Mono now, bool busy);
  // The ready jobs of all queues, as answer to `ask`.
  void answered(std::uint64_t ready) { ready_ = ready; }
  Mono next_deadline() const { return ask_at_; }

 private:
  Mono idle_since_ = never_mono;
  Mono ask_at_ = never_mono;
  bool asked_ = false;
  std::optional<std::uint64_t> ready_;
};

}  // namespace joinery::worker
