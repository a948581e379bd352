// Numbers, sizes and times as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery::cli {

std::string count(std::uint64_t value);         // "1,234,567"
std::string size(std::uint64_t bytes);          // "1.2 MiB"
std::string span(std::int64_t ms);              // "850ms", "4.2s", "3m 20s", "5h 10m", "12d 3h"
std::string ago(std::int64_t at_ms, Wall now);  // "3m 20s ago", "in 5s", "-" for 0
std::string utc_text(std::int64_t at_ms);       // "2026-11-21T08:00:00Z"
std::string plural(std::uint64_t number, std::string_view noun);  // "1 job", "2 jobs"

// Without control characters, which could change what the terminal shows.
std::string harmless(std::string_view text);
// Columns that `text` takes on a terminal (code points; wide ones are counted as one).
std::size_t width(std::string_view text);
// At most `columns` wide, "..." at its end if something was cut.
std::string cut(std::string_view text, std::size_t columns);

// "1h30m", as config::parse_duration, and at most a hundred years.
Result<std::chrono::milliseconds> parse_span(std::string_view text);
// "2026-11-21T08:00", "2026-11-21 08:00:30", with "Z" or "+01:00" or in local time; or Unix seconds.
Result<Wall> parse_time(std::string_view text);

}  // namespace joinery::cli
