// What a schedule whose time has come does, if more than one time has.
#pragma once

#include <optional>
#include <vector>

#include "broker/timetable/timetable.h"
#include "shared/job/schedule.h"

namespace joinery::broker {

// A step of a schedule: it submits for `due` (none: it lets what was missed pass), and `next` is its next
// time.
struct Firing {
  std::optional<Wall> due;
  Wall next{};
  bool operator==(const Firing&) const = default;
};

// A due time is as good as on time for so long: a restart that takes no longer misses nothing.
constexpr Duration on_time = std::chrono::minutes(1);

// The steps that bring a schedule whose next time is `next` beyond `now`, in order. Empty: nothing is due.
std::vector<Firing> firings(const Timetable& table, const Schedule& schedule, Wall next, Wall now);

}  // namespace joinery::broker
