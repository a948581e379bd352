#include "shared/config/backoff.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "shared/config/config.h"

namespace joinery::config {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos; text.remove_prefix(comma + 1)) {
    comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
  }
  return parts;
}

std::optional<float> number_of(std::string_view text) {
  float number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string time(std::uint32_t ms) { return format_duration(std::chrono::milliseconds(ms)); }

}  // namespace

Result<Backoff> parse_backoff(const std::string& text) {
  const auto refused = [&] {
    return fail(Code::invalid_config,
                fmt::format("\"{}\" is not fixed:TIME, exponential:FIRST[,MOST[,FACTOR]] or "
                            "list:TIME,TIME,...",
                            text),
                "backoff");
  };
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return refused();
  const std::string kind = text.substr(0, colon);
  std::vector<std::string> parts = split(std::string_view(text).substr(colon + 1));
  Backoff backoff;
  if (kind == "exponential" && parts.size() == 3) {
    const auto factor = number_of(parts.back());
    if (!factor) return refused();
    backoff.factor = *factor;
    parts.pop_back();
  }
  std::vector<std::uint32_t> delays;
  for (const std::string& part : parts) {
    const auto delay = parse_duration(part);
    if (!delay || delay->count() < 0 || delay->count() > UINT32_MAX) return refused();
    delays.push_back(static_cast<std::uint32_t>(delay->count()));
  }
  if (kind == "list") return backoff.list_ms = delays, backoff;
  if (kind == "fixed" && delays.size() == 1) {
    backoff.initial_ms = backoff.max_ms = delays.front();
    backoff.factor = 1;
    return backoff;
  }
  if (kind != "exponential" || delays.size() > 2) return refused();
  backoff.initial_ms = delays.front();
  backoff.max_ms = delays.size() == 2 ? delays.back() : std::max(backoff.max_ms, backoff.initial_ms);
  return backoff;
}

std::string format_backoff(const Backoff& backoff) {
  if (!backoff.list_ms.empty()) {
    std::string text = "list:";
    for (const std::uint32_t delay : backoff.list_ms) text += (text.back() == ':' ? "" : ",") + time(delay);
    return text;
  }
  if (backoff.factor == 1 && backoff.initial_ms == backoff.max_ms) return "fixed:" + time(backoff.initial_ms);
  return fmt::format("exponential:{},{},{}", time(backoff.initial_ms), time(backoff.max_ms), backoff.factor);
}

Result<float> parse_jitter(const std::string& text) {
  const auto jitter = number_of(text);
  if (jitter && *jitter >= 0 && *jitter <= 1) return *jitter;
  return fail(Code::invalid_config, fmt::format("\"{}\" is not a number from 0 to 1", text), "jitter");
}

}  // namespace joinery::config
