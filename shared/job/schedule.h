// What a schedule is: when it submits a job, and what it does if it could not, or if the last one is not
// through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery {

// What becomes of due times that were missed while the broker was down, or the clock jumped over them.
enum class CatchUp : std::uint8_t {
  none,  // nothing
  last,  // the last of them is made up for
  all,   // each, up to a number
};
// What a due time does while a job of the schedule is unfinished.
enum class Overlap : std::uint8_t {
  allow,    // another job
  skip,     // nothing
  queue,    // one more, which waits until it is through; further ones are skipped
  replace,  // it is cancelled, and the new one runs when it has ended
};

std::string_view word(CatchUp catch_up);
std::string_view word(Overlap overlap);
std::optional<CatchUp> catch_up_from_word(std::string_view text);
std::optional<Overlap> overlap_from_word(std::string_view text);

struct Schedule {
  std::string name;
  std::string cron;  // five fields, @daily and its like, or "@every 10m"
  std::string zone;  // "Europe/Berlin"; empty: UTC
  CatchUp catch_up = CatchUp::last;
  std::uint32_t catch_up_max = 100;  // for CatchUp::all
  Overlap overlap = Overlap::allow;
  // What is submitted: a group of the wire (docs/protocol.md) with one payload.
  std::string group;
  std::uint64_t expires_in_ms = 0;   // from the submission; 0: never
  std::uint64_t deadline_in_ms = 0;  // the same
  bool declared = false;             // in the broker's configuration
  bool operator==(const Schedule&) const = default;
};

namespace limits {
constexpr std::uint32_t catch_up_max = 10'000;
constexpr std::size_t schedule_bytes = std::size_t{1} << 20U;  // of its group
constexpr std::size_t cron_bytes = 1000;
}  // namespace limits

// All but cron, zone and group, which are not understood here. Errors name the field.
Result<> validate(const Schedule& schedule);

}  // namespace joinery
