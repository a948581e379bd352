// The five fields of cron, by the calendar alone: which minutes of local time they mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/base/error.h"

namespace joinery::broker {

using LocalSeconds = std::chrono::local_seconds;

struct Cron {
  // A bit per value. Sunday is weekday 0.
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;
  std::uint32_t months = 0;
  std::uint32_t weekdays = 0;
  // A field that begins with *. If both of these name something, a day fits that is one or the other.
  bool any_day = false;
  bool any_weekday = false;

  bool every_hour() const { return hours == (1U << 24U) - 1; }
  // The first minute that fits, at `from` or later. None: not within some forty years.
  std::optional<LocalSeconds> first(LocalSeconds from) const;
};

// "*/5 9-17 * * MON-FRI", or @hourly, @daily (@midnight), @weekly, @monthly, @yearly (@annually). The error
// points at the place: field "day of week": expected 0-7 or SUN-SAT, got "FOO" at column 9.
Result<Cron> parse_cron(std::string_view text);

}  // namespace joinery::broker
