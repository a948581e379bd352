// A time zone of the system's database: local times and instants.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "shared/base/error.h"

namespace joinery::broker {

class Zone {
 public:
  // "Europe/Berlin"; "" is UTC. Error invalid_argument, field tz.
  static Result<Zone> load(const std::string& name);

  std::chrono::local_seconds local(std::chrono::sys_seconds time) const;
  // The instant of a local time: the first of two if the clock is set back, the jump itself if the clock
  // jumps over it. Never falls while local times rise.
  std::chrono::sys_seconds instant(std::chrono::local_seconds local) const;
  // When the clock is next set, after `time`.
  std::optional<std::chrono::sys_seconds> next_change(std::chrono::sys_seconds time) const;

 private:
  struct Data;
  explicit Zone(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

}  // namespace joinery::broker
