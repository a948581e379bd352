#include "broker/timetable/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <string>
#include <vector>

namespace joinery::broker {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> day_names{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  const char* name;
  std::uint32_t least;
  std::uint32_t most;
  const char* expected;
  std::span<const std::string_view> names;  // of the values from `least`
};
const std::array<Field, 5> fields{{{"minute", 0, 59, "0-59", {}},
                                   {"hour", 0, 23, "0-23", {}},
                                   {"day of month", 1, 31, "1-31", {}},
                                   {"month", 1, 12, "1-12 or JAN-DEC", month_names},
                                   {"day of week", 0, 7, "0-7 or SUN-SAT", day_names}}};

struct Macro {
  std::string_view name;
  std::string_view means;
};
constexpr std::array<Macro, 7> macros{{{"@hourly", "0 * * * *"},
                                       {"@daily", "0 0 * * *"},
                                       {"@midnight", "0 0 * * *"},
                                       {"@weekly", "0 0 * * 0"},
                                       {"@monthly", "0 0 1 * *"},
                                       {"@yearly", "0 0 1 1 *"},
                                       {"@annually", "0 0 1 1 *"}}};

constexpr std::uint32_t week = 7;

std::unexpected<Error> wrong(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "cron");
}

// A part of the text, with the place where it begins.
struct Part {
  std::string_view text;
  std::size_t column;  // from 1
};

std::vector<Part> split(Part whole, std::string_view separators, bool keep_empty) {
  std::vector<Part> parts;
  for (std::size_t begin = 0; begin <= whole.text.size();) {
    const std::size_t end = std::min(whole.text.find_first_of(separators, begin), whole.text.size());
    if (keep_empty || end > begin)
      parts.push_back({whole.text.substr(begin, end - begin), whole.column + begin});
    begin = end + 1;
  }
  return parts;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool same(std::string_view text, std::string_view name) {
  return std::ranges::equal(
      text, name, {}, [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
}

std::unexpected<Error> unfit(const Field& field, std::string_view expected, Part part) {
  return wrong(fmt::format("field \"{}\": expected {}, got \"{}\" at column {}", field.name, expected,
                           part.text, part.column));
}

Result<std::uint32_t> value_of(const Field& field, Part part) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (same(part.text, field.names[i])) return field.least + static_cast<std::uint32_t>(i);
  }
  const auto number = number_of(part.text);
  if (!number || *number < field.least || *number > field.most) return unfit(field, field.expected, part);
  return *number;
}

// "*", "3", "MON-FRI", each perhaps with "/2".
Result<std::uint64_t> bits_of_element(const Field& field, Part element) {
  const std::size_t slash = element.text.find('/');
  const Part range{element.text.substr(0, slash), element.column};
  std::uint32_t step = 1;
  if (slash != std::string_view::npos) {
    const Part after{element.text.substr(slash + 1), element.column + slash + 1};
    const auto number = number_of(after.text);
    if (!number || *number == 0 || *number > field.most)
      return unfit(field, fmt::format("a step of 1-{}", field.most), after);
    step = *number;
  }
  std::uint32_t first = field.least;
  std::uint32_t last = field.most;
  if (range.text != "*") {
    const std::size_t dash = range.text.find('-');
    const auto begin = value_of(field, {range.text.substr(0, dash), range.column});
    if (!begin) return std::unexpected(begin.error());
    first = *begin;
    if (dash != std::string_view::npos) {
      const auto end = value_of(field, {range.text.substr(dash + 1), range.column + dash + 1});
      if (!end) return std::unexpected(end.error());
      last = *end;
      // A week goes on behind its end: SAT-SUN, FRI-MON.
      if (last < first && field.names.data() == day_names.data()) last += week;
      if (last < first) return unfit(field, "a range that rises", range);
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  }
  std::uint64_t bits = 0;
  for (std::uint32_t value = first; value <= last; value += step)
    bits |= std::uint64_t{1} << (value > field.most ? value - week : value);
  return bits;
}

Result<std::uint64_t> bits_of(const Field& field, Part part) {
  std::uint64_t bits = 0;
  for (const Part& element : split(part, ",", true)) {
    const auto some = bits_of_element(field, element);
    if (!some) return std::unexpected(some.error());
    bits |= *some;
  }
  return bits;
}

bool has(std::uint64_t bits, std::uint32_t value) { return (bits >> value & 1U) != 0; }

bool fits(const Cron& cron, const year_month_day& date, local_days day) {
  if (!has(cron.months, static_cast<unsigned>(date.month()))) return false;
  const bool by_day = has(cron.days, static_cast<unsigned>(date.day()));
  const bool by_weekday = has(cron.weekdays, weekday(day).c_encoding());
  return cron.any_day || cron.any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

// The first minute of a day that fits, from `minute` on.
std::optional<minutes> minute_of_day(const Cron& cron, std::uint32_t minute) {
  for (std::uint32_t hour = minute / 60; hour < 24; ++hour, minute = 0) {
    if (!has(cron.hours, hour)) continue;
    for (std::uint32_t of_hour = minute % 60; of_hour < 60; ++of_hour) {
      if (has(cron.minutes, of_hour)) return minutes(hour * 60 + of_hour);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<LocalSeconds> Cron::first(LocalSeconds from) const {
  constexpr int years = 41;  // the 29th of February is a certain weekday once in forty years, at most
  local_days day = floor<std::chrono::days>(from);
  auto minute = static_cast<std::uint32_t>(ceil<std::chrono::minutes>(from - day).count());
  const year last = year_month_day(day).year() + std::chrono::years(years);
  for (;;) {
    const year_month_day date(day);
    if (date.year() > last) return std::nullopt;
    if (!has(months, static_cast<unsigned>(date.month()))) {
      day = local_days(date.year() / date.month() / 1 + std::chrono::months(1));
    } else {
      const auto found = fits(*this, date, day) ? minute_of_day(*this, minute) : std::nullopt;
      if (found) return day + *found;
      day += std::chrono::days(1);
    }
    minute = 0;
  }
}

Result<Cron> parse_cron(std::string_view text) {
  for (const Macro& macro : macros) {
    if (text == macro.name) return parse_cron(macro.means);
  }
  const std::vector<Part> parts = split({text, 1}, " \t", false);
  if (!parts.empty() && parts.front().text.starts_with('@'))
    return wrong(
        fmt::format("expected @hourly, @daily, @weekly, @monthly, @yearly, @every TIME or five fields, got "
                    "\"{}\" at column {}",
                    parts.front().text, parts.front().column));
  if (parts.size() < fields.size()) {
    return wrong(fmt::format(
        "\"{}\" ends at column {} without the field \"{}\"; expected five fields (minute, hour, day of "
        "month, month, day of week), @hourly, @daily, @weekly, @monthly, @yearly or @every TIME",
        text, text.size() + 1, fields[parts.size()].name));
  }
  if (parts.size() > fields.size()) {
    const Part& more = parts[fields.size()];
    return wrong(fmt::format("expected nothing behind the field \"day of week\", got \"{}\" at column {}",
                             more.text, more.column));
  }
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto some = bits_of(fields[i], parts[i]);
    if (!some) return std::unexpected(some.error());
    bits[i] = *some;
  }
  if (has(bits[4], 7)) bits[4] |= 1U;  // Sunday
  const Cron cron{.minutes = bits[0],
                  .hours = static_cast<std::uint32_t>(bits[1]),
                  .days = static_cast<std::uint32_t>(bits[2]),
                  .months = static_cast<std::uint32_t>(bits[3]),
                  .weekdays = static_cast<std::uint32_t>(bits[4]),
                  .any_day = parts[2].text.starts_with('*'),
                  .any_weekday = parts[4].text.starts_with('*')};
  if (cron.first(local_days(year(2000) / 1 / 1))) return cron;
  return wrong(fmt::format("\"{}\" never comes: no such month has a day {} (column {})", text, parts[2].text,
                           parts[2].column));
}

}  // namespace joinery::broker
