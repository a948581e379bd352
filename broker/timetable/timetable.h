// When a schedule is due, as instants: its cron in its time zone. Immutable; values of the calendar, no
// clock.
//
//   auto table = Timetable::make("0 3 * * *", "Europe/Berlin", since);
//   Wall due = table->next(now);
//
// A local time that the clock jumps over (spring) is due at the jump; one that comes twice (autumn) is due
// the first time. A cron that fits every hour names no time of day: it goes on in real time through both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/timetable/cron.h"
#include "broker/timetable/zone.h"
#include "shared/base/time.h"

namespace joinery::broker {

class Timetable {
 public:
  // `cron`: as parse_cron has it, or "@every 10m", counted from `since`. Errors: invalid_argument, field cron
  // or tz.
  static Result<Timetable> make(const std::string& cron, const std::string& zone, Wall since);

  // The first due time after `time`.
  Wall next(Wall time) const;
  // The last due times, at most `most`, from `first` (which is one) to `last`, in their order.
  std::vector<Wall> last(Wall first, Wall last, std::size_t most) const;

 private:
  explicit Timetable(Zone zone) : zone_(std::move(zone)) {}
  Wall next_of_day(std::chrono::sys_seconds time) const;
  Wall next_of_hour(std::chrono::sys_seconds time) const;

  Zone zone_;
  Cron cron_;
  Duration every_{0};  // not 0: instead of the cron
  Wall since_{};
};

}  // namespace joinery::broker
