// How many items a consumer asks for before anybody wants them. As many as it will use in a few milliseconds,
// going by how long its callers were busy with the last ones: a quick consumer is not slowed down by the way
// to the broker, and a slow one takes nothing that another could work on meanwhile. Pure arithmetic.
#pragma once

#include <cstdint>

#include "shared/base/time.h"

namespace joinery::client {

class Prefetch {
 public:
  static constexpr Duration ahead = std::chrono::milliseconds(20);
  static constexpr std::uint32_t most = 4096;

  // `never`: for queues whose order must hold at the moment of each get.
  explicit Prefetch(bool never) : never_(never) {}

  // A caller came back `busy` after it was handed `items`.
  void used(Duration busy, std::size_t items);
  // Items came: the next window may be larger.
  void filled();
  // Nobody wanted what was there.
  void unused();
  // Items to hold ahead of demand.
  std::uint32_t window() const { return window_; }

 private:
  std::uint32_t target() const;

  const bool never_;
  bool measured_ = false;
  double busy_us_ = 0;  // per item, the latest ones weighing most
  std::uint32_t window_ = 0;
};

}  // namespace joinery::client
