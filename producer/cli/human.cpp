#include "producer/cli/human.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "shared/config/config.h"

namespace joinery::cli {
namespace {

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

// "Z", "+01:00", "-0530": seconds east of Greenwich. Empty: local time.
Result<std::optional<int>> parse_zone(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "Z" || text == "z") return 0;
  int hours = 0;
  int minutes = 0;
  const std::string digits(text.substr(1));
  const bool parsed = std::sscanf(digits.c_str(), "%2d:%2d", &hours, &minutes) == 2 ||
                      std::sscanf(digits.c_str(), "%2d%2d", &hours, &minutes) == 2;
  const bool whole = digits.size() == (digits.find(':') == std::string::npos ? 4 : 5);
  const bool there_is = hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59;
  if ((text.front() != '+' && text.front() != '-') || !parsed || !whole || !there_is)
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not a time zone such as Z or +01:00", text));
  return (text.front() == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

std::string count(std::uint64_t value) {
  std::string text = fmt::format("{}", value);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string size(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string span(std::int64_t ms) {
  if (ms < 0) return "-" + span(-ms);
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  const std::int64_t seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string ago(std::int64_t at_ms, Wall now) {
  if (at_ms == 0) return "-";
  const std::int64_t past =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() - at_ms;
  return past >= 0 ? span(past) + " ago" : "in " + span(-past);
}

std::string utc_text(std::int64_t at_ms) {
  const std::time_t seconds = at_ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string plural(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", count(number), noun, number == 1 ? "" : "s");
}

std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\t' || byte == '\n')
      out += ' ';
    else if (byte < 0x20 || byte == 0x7F)
      out += '?';
    else
      out += c;
  }
  return out;
}

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text)
    if (starts_code_point(c)) ++columns;
  return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (width(text) <= columns || columns < 4) return std::string(text);
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at)
    if (starts_code_point(text[at]) && ++seen > columns - 3) break;
  return std::string(text.substr(0, at)) + "...";
}

// More than a hundred years are for nobody, and the broker would refuse them by a name of the wire.
Result<std::chrono::milliseconds> parse_span(std::string_view text) {
  const auto parsed = config::parse_duration(text);
  if (parsed && *parsed > std::chrono::days(36'500))
    return fail(Code::invalid_argument, fmt::format("\"{}\" is longer than a hundred years", text));
  return parsed;
}

Result<Wall> parse_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), seconds);
  if (error == std::errc{} && end == text.end()) {
    constexpr std::int64_t end_of_9999 = 253'402'300'799;
    if (seconds < 0 || seconds > end_of_9999)
      return fail(Code::invalid_argument,
                  fmt::format("\"{}\" is not in Unix seconds from 1970 to 9999", text));
    return Wall(std::chrono::seconds(seconds));
  }
  std::tm when{};
  const std::string copy(text);
  const char* rest = nullptr;
  for (const char* form :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"})
    if (when = {}; (rest = ::strptime(copy.c_str(), form, &when)) != nullptr) break;
  if (rest == nullptr)
    return fail(
        Code::invalid_argument,
        fmt::format("\"{}\" is not a time such as 2026-11-21T08:00, 2026-11-21T08:00:00Z or Unix seconds",
                    text));
  const std::chrono::year_month_day day(std::chrono::year(when.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(when.tm_mon) + 1),
                                        std::chrono::day(static_cast<unsigned>(when.tm_mday)));
  if (!day.ok())
    return fail(Code::invalid_argument, fmt::format("\"{}\" is no time: that month has no such day", text));
  const auto zone = parse_zone(rest);
  if (!zone) return std::unexpected(zone.error());
  when.tm_isdst = -1;
  seconds = *zone ? ::timegm(&when) - **zone : std::mktime(&when);
  return Wall(std::chrono::seconds(seconds));
}

}  // namespace joinery::cli
