#include "broker/server/queue_defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "shared/config/backoff.h"
#include "shared/config/config.h"

namespace joinery::broker::server {

namespace {

using protocol::Value;

// Null: the option is no number.
template <typename Defaults>
auto* number_of(Defaults& defaults, SpecOption option) {
  switch (option) {
    case SpecOption::attempts: return &defaults.attempts;
    case SpecOption::crash_attempts: return &defaults.crash_attempts;
    case SpecOption::soft_timeout_ms: return &defaults.soft_timeout_ms;
    case SpecOption::hard_timeout_ms: return &defaults.hard_timeout_ms;
    case SpecOption::result_ttl_s: return &defaults.result_ttl_s;
    case SpecOption::backoff:
    case SpecOption::jitter:
    case SpecOption::no_retry: break;
  }
  return static_cast<decltype(&defaults.attempts)>(nullptr);
}

Result<std::uint32_t> as_u32(const Value& value, const std::string& field) {
  const auto number = value.as_u64(field);
  if (!number) return std::unexpected(number.error());
  if (*number <= UINT32_MAX) return static_cast<std::uint32_t>(*number);
  return fail(Code::invalid_argument,
              fmt::format("{} is {}, expected at most {}", field, *number, UINT32_MAX), field);
}

Result<> take_number(const Value& value, const std::string& field, std::uint32_t& out) {
  const auto number = as_u32(value, field);
  if (!number) return std::unexpected(number.error());
  out = *number;
  return {};
}

Result<> take_part(const Value& value, const std::string& field, float& out) {
  const auto number = value.as_number(field);
  if (!number) return std::unexpected(number.error());
  out = static_cast<float>(*number);
  return {};
}

Result<> take_backoff_member(const std::string& key, const Value& value, Backoff& out) {
  const std::string field = "defaults.backoff." + key;
  if (key == "initial_ms") return take_number(value, field, out.initial_ms);
  if (key == "max_ms") return take_number(value, field, out.max_ms);
  if (key == "factor") return take_part(value, field, out.factor);
  if (key == "jitter") return take_part(value, field, out.jitter);
  if (key != "list_ms") return fail(Code::unknown_field, fmt::format("{} is not known", field), field);
  const auto delays = value.as_array(field);
  if (!delays) return std::unexpected(delays.error());
  for (const Value& delay : **delays) {
    if (Result<> taken = take_number(delay, field, out.list_ms.emplace_back()); !taken) return taken;
  }
  return {};
}

// A default that says nothing else than what holds anyway is none.
void take_back(std::optional<Backoff>& out) {
  if (out == Backoff{}) out.reset();
}

Result<> take_jitter(const Value& value, const std::string& field, std::optional<Backoff>& out) {
  if (!out) out.emplace();
  if (!value.is_nil()) return take_part(value, field, out->jitter);
  out->jitter = Backoff{}.jitter;
  take_back(out);
  return {};
}

// All but the jitter, unless it is named.
Result<> take_backoff(const Value& value, const std::string& field, std::optional<Backoff>& out) {
  const float jitter = out ? out->jitter : Backoff{}.jitter;
  out = Backoff{.jitter = jitter, .list_ms = {}};
  if (value.is_nil()) return take_back(out), Result<>{};
  const auto members = value.as_map(field);
  if (!members) return std::unexpected(members.error());
  for (const Value::Member& member : **members) {
    if (Result<> taken = take_backoff_member(member.key, member.value, *out); !taken) return taken;
  }
  return {};
}

Result<> take(SpecOption option, const Value& value, SpecDefaults& out) {
  const std::string field = fmt::format("defaults.{}", word(option));
  if (auto* number = number_of(out, option)) {
    if (value.is_nil()) return number->reset(), Result<>{};
    return take_number(value, field, number->emplace());
  }
  if (option == SpecOption::no_retry) {
    if (value.is_nil()) return out.no_retry.reset(), Result<>{};
    const auto types = value.as_array(field);
    if (!types) return std::unexpected(types.error());
    out.no_retry.emplace();
    for (const Value& type : **types) {
      const auto text = type.as_str(field);
      if (!text) return std::unexpected(text.error());
      out.no_retry->emplace_back(*text);
    }
    return {};
  }
  return option == SpecOption::jitter ? take_jitter(value, field, out.backoff)
                                      : take_backoff(value, field, out.backoff);
}

Value backoff_value(const Backoff& backoff) {
  Value map = Value::map();
  map.set("initial_ms", backoff.initial_ms);
  map.set("max_ms", backoff.max_ms);
  map.set("factor", static_cast<double>(backoff.factor));
  map.set("jitter", static_cast<double>(backoff.jitter));
  if (backoff.list_ms.empty()) return map;
  Value delays = Value::array();
  for (const std::uint32_t delay : backoff.list_ms) delays.push(delay);
  map.set("list_ms", std::move(delays));
  return map;
}

Result<std::uint32_t> whole(const std::string& key, const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number != 0) return number;
  return fail(Code::invalid_config,
              fmt::format("{} is '{}'; expected a whole number of at least 1", key, text), key);
}

// In units of so many milliseconds, rounded up.
Result<std::uint32_t> time(const std::string& key, const std::string& text, std::int64_t unit_ms) {
  const auto duration = config::parse_duration(text);
  if (!duration)
    return fail(Code::invalid_config, fmt::format("{} is {}", key, duration.error().message), key);
  const std::int64_t number = (duration->count() + unit_ms - 1) / unit_ms;
  if (number <= UINT32_MAX) return static_cast<std::uint32_t>(number);
  return fail(Code::invalid_config, fmt::format("{} is {}, which is too long", key, text), key);
}

// The backoff and its jitter, in any order.
Result<> take_backoff_text(const std::string& key, const std::string& text, std::optional<Backoff>& out) {
  const Backoff before = out.value_or(Backoff{});
  if (key == "jitter") {
    const auto jitter = config::parse_jitter(text);
    if (!jitter) return fail(Code::invalid_config, "jitter is " + jitter.error().message, key);
    out = before;
    out->jitter = *jitter;
    return {};
  }
  auto backoff = config::parse_backoff(text);
  if (!backoff) return fail(Code::invalid_config, "backoff is " + backoff.error().message, key);
  out = std::move(*backoff);
  out->jitter = before.jitter;
  return {};
}

}  // namespace

Result<> change_defaults(const Value& map, SpecDefaults& out) {
  const auto members = map.as_map("defaults");
  if (!members) return std::unexpected(members.error());
  for (const Value::Member& member : **members) {
    const auto option = spec_option_from_word(member.key);
    const std::string field = "defaults." + member.key;
    if (!option) return fail(Code::unknown_field, fmt::format("{} is not known", field), field);
    if (Result<> taken = take(*option, member.value, out); !taken) return taken;
  }
  return {};
}

Value defaults_value(const SpecDefaults& defaults) {
  Value map = Value::map();
  for (std::uint8_t i = 0; i < SpecOptions::all; ++i) {
    const auto option = static_cast<SpecOption>(i);
    if (const auto* number = number_of(defaults, option); number != nullptr && *number)
      map.set(word(option), **number);
  }
  if (defaults.backoff) map.set("backoff", backoff_value(*defaults.backoff));
  if (!defaults.no_retry) return map;
  Value types = Value::array();
  for (const std::string& type : *defaults.no_retry) types.push(type);
  map.set("no_retry", std::move(types));
  return map;
}

const std::vector<std::string>& default_keys() {
  static const std::vector<std::string> keys{"attempts",     "crash_attempts", "backoff",     "jitter",
                                             "timeout_soft", "timeout_hard",   "keep_result", "no_retry"};
  return keys;
}

Result<> take_default(const std::string& key, const std::vector<std::string>& values, SpecDefaults& out) {
  if (key == "no_retry") return out.no_retry = values, Result<>{};
  if (values.size() != 1) return fail(Code::invalid_config, fmt::format("{} takes one value", key), key);
  const std::string& text = values.front();
  if (key == "backoff" || key == "jitter") return take_backoff_text(key, text, out.backoff);
  const bool counts = key == "attempts" || key == "crash_attempts";
  const auto number = counts ? whole(key, text) : time(key, text, key == "keep_result" ? 1000 : 1);
  if (!number) return std::unexpected(number.error());
  (key == "attempts"         ? out.attempts
   : key == "crash_attempts" ? out.crash_attempts
   : key == "timeout_soft"   ? out.soft_timeout_ms
   : key == "timeout_hard"   ? out.hard_timeout_ms
                             : out.result_ttl_s) = *number;
  return {};
}

}  // namespace joinery::broker::server
