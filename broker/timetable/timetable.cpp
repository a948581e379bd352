#include "broker/timetable/timetable.h"

#include <fmt/format.h>

#include <deque>

#include "shared/config/config.h"

namespace joinery::broker {

using namespace std::chrono;

namespace {

constexpr std::string_view every_word = "@every";

Result<Duration> parse_every(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t", every_word.size());
  const std::string_view time = begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
  const auto period = config::parse_duration(time);
  if (period && *period >= seconds(1) && *period <= days(36'500)) return Duration(*period);
  return fail(Code::invalid_argument,
              fmt::format("@every: expected a time of at least 1s, as 10m, got \"{}\" at column {}", time,
                          std::min(begin, text.size()) + 1),
              "cron");
}

}  // namespace

Result<Timetable> Timetable::make(const std::string& cron, const std::string& zone, Wall since) {
  auto loaded = Zone::load(zone);
  if (!loaded) return std::unexpected(loaded.error());
  Timetable table(std::move(*loaded));
  table.since_ = since;
  const bool every = cron.starts_with(every_word);
  if (every) {
    const auto period = parse_every(cron);
    if (!period) return std::unexpected(period.error());
    table.every_ = *period;
    return table;
  }
  auto parsed = parse_cron(cron);
  if (!parsed) return std::unexpected(parsed.error());
  table.cron_ = *parsed;
  return table;
}

Wall Timetable::next(Wall time) const {
  if (every_ != Duration(0)) {
    if (time < since_) return since_ + every_;
    return since_ + ((time - since_) / every_ + 1) * every_;
  }
  const auto second = floor<seconds>(time);
  return cron_.every_hour() ? next_of_hour(second) : next_of_day(second);
}

// Instants never fall while local times rise, so the first local time whose instant is later is the next.
Wall Timetable::next_of_day(sys_seconds time) const {
  for (local_seconds from = floor<minutes>(zone_.local(time)) + minutes(1);;) {
    const auto local = cron_.first(from);
    if (!local) return never_wall;
    if (const sys_seconds due = zone_.instant(*local); due > time) return due;
    from = *local + minutes(1);
  }
}

// Between two settings of the clock, local time is as even as time itself.
Wall Timetable::next_of_hour(sys_seconds time) const {
  for (sys_seconds from = time + seconds(1);;) {
    const local_seconds local = zone_.local(from);
    const auto found = cron_.first(ceil<minutes>(local));
    if (!found) return never_wall;
    const sys_seconds due = from + (*found - local);
    const auto change = zone_.next_change(from);
    if (!change || due < *change) return due;
    from = *change;
  }
}

// Looks back further and further, so that years of missed minutes are not all counted.
std::vector<Wall> Timetable::last(Wall first, Wall last, std::size_t most) const {
  std::deque<Wall> found;
  for (Duration back = hours(1);; back *= 4) {
    found.clear();
    const bool all = last - first <= back;
    for (Wall due = all ? first : next(last - back); due <= last; due = next(due)) {
      found.push_back(due);
      if (found.size() > most) found.pop_front();
    }
    if (all || found.size() >= most) return {found.begin(), found.end()};
  }
}

}  // namespace joinery::broker
