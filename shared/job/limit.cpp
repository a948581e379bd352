#include "shared/job/limit.h"

#include <fmt/format.h>

#include "shared/job/job.h"

namespace joinery {

Result<> validate_key(std::string_view key, std::string_view field) {
  if (auto name = validate_name(key, field); !name) return name;
  std::size_t levels = 0;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    if (end == begin) {
      return fail(Code::invalid_argument,
                  fmt::format("{} is '{}'; expected no empty level between its '/'", field, key),
                  std::string(field));
    }
    ++levels;
    begin = end + 1;
  }
  if (levels <= limits::key_levels_max) return {};
  return fail(
      Code::invalid_argument,
      fmt::format("{} is '{}', with {} levels; at most {}", field, key, levels, limits::key_levels_max),
      std::string(field));
}

Result<> validate(const Limit& limit) {
  if (auto key = validate_key(limit.pattern, "pattern"); !key) return key;
  const auto bad = [](const char* field, std::string message) {
    return fail(Code::invalid_argument, std::move(message), field);
  };
  if (limit.period_ms == 0 || limit.period_ms > limits::limit_time_max_ms)
    return bad("period_ms", fmt::format("period_ms is {}; expected 1 ms to 366 days", limit.period_ms));
  if (limit.interval_ms > limits::limit_time_max_ms)
    return bad("interval_ms", fmt::format("interval_ms is {}; at most 366 days", limit.interval_ms));
  if (limit.burst == 0) return bad("burst", "burst is 0, which would block for ever; expected at least 1");
  if (limit.burst != 1 && limit.rate == 0) return bad("burst", "burst needs a rate");
  if (limit.weight == 0 || limit.weight > limits::weight_max)
    return bad("weight", fmt::format("weight is {}; expected 1 to {}", limit.weight, limits::weight_max));
  return {};
}

Result<> validate(const KeyHold& hold) {
  if (auto key = validate_key(hold.key, "key"); !key) return key;
  if (hold.interval_ms.value_or(0) > limits::limit_time_max_ms)
    return fail(Code::invalid_argument, fmt::format("interval_ms is {}; at most 366 days", *hold.interval_ms),
                "interval_ms");
  const std::int64_t until = hold.until_ms.value_or(0);
  if (until >= 0 && until <= limits::hold_until_max_ms) return {};
  return fail(Code::invalid_argument, fmt::format("until_ms is {}, expected Unix milliseconds", until),
              "until_ms");
}

bool has_wildcard(std::string_view pattern) { return pattern.find('*') != std::string_view::npos; }

bool matches(std::string_view pattern, std::string_view node) {
  // What is before the first star, quickly: most nodes differ there, or have one star left.
  std::size_t p = std::min(pattern.find('*'), pattern.size());
  if (!node.starts_with(pattern.substr(0, p))) return false;
  std::size_t n = p;
  if (p + 1 == pattern.size()) return node.find('/', n) == std::string_view::npos;
  // The usual two pointers; a star never takes a '/'.
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (n < node.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == node[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos && node[taken] != '/') {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string_view outermost(std::string_view key) { return key.substr(0, key.find('/')); }

}  // namespace joinery
