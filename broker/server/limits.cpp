#include "broker/server/limits.h"

#include <fmt/format.h>

#include <charconv>

namespace joinery::broker::server {

namespace {

using protocol::Value;

constexpr const char* for_ever = "0 would block for ever";
constexpr const char* no_interval = "0 is no interval";

Result<std::uint32_t> whole(const std::string& key, const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number != 0) return number;
  return fail(Code::invalid_config,
              fmt::format("{} is '{}'; expected a whole number of at least 1{}", key, text,
                          text == "0" ? fmt::format(" ({})", for_ever) : ""),
              key);
}

Result<> take(const std::string& key, const std::string& text, Limit& limit) {
  if (key == "rate") {
    const auto rate = config::parse_rate(text);
    if (!rate) return fail(Code::invalid_config, fmt::format("rate is {}", rate.error().message), key);
    limit.rate = rate->number;
    limit.period_ms = static_cast<std::uint64_t>(rate->period.count());
    return {};
  }
  if (key == "interval") {
    const auto interval = config::parse_duration(text);
    if (!interval)
      return fail(Code::invalid_config, fmt::format("interval is {}", interval.error().message), key);
    if (interval->count() == 0)
      return fail(Code::invalid_config, fmt::format("interval is '{}'; {}", text, no_interval), key);
    limit.interval_ms = static_cast<std::uint64_t>(interval->count());
    return {};
  }
  const auto number = whole(key, text);
  if (!number) return std::unexpected(number.error());
  (key == "concurrency" ? limit.concurrency : key == "burst" ? limit.burst : limit.weight) = *number;
  return {};
}

}  // namespace

Result<Limit> limit_of_table(const std::string& pattern, const config::Options::Table& entries) {
  Limit limit{.pattern = pattern};
  for (const auto& [key, values] : entries) {
    if (values.size() != 1) return fail(Code::invalid_config, fmt::format("{} takes one value", key), key);
    if (Result<> taken = take(key, values.front(), limit); !taken) return std::unexpected(taken.error());
  }
  if (Result<> valid = validate(limit); !valid)
    return fail(Code::invalid_config, valid.error().message, valid.error().field);
  return limit;
}

Result<Limit> limit_of_arguments(const Value& given) {
  Limit limit;
  const Result<std::string_view> pattern = given.str("pattern");
  if (!pattern) return std::unexpected(pattern.error());
  limit.pattern = *pattern;
  bool any = false;
  const auto read = [&](const char* key, auto& out, const char* zero = for_ever) -> Result<> {
    if (given.find(key) == nullptr) return {};
    const Result<std::uint64_t> number = given.u64(key);
    if (!number) return std::unexpected(number.error());
    if (*number == 0) return fail(Code::invalid_argument, fmt::format("{} is 0; {}", key, zero), key);
    if (!std::in_range<std::decay_t<decltype(out)>>(*number))
      return fail(Code::invalid_argument, fmt::format("{} is {}, which is too large", key, *number), key);
    out = static_cast<std::decay_t<decltype(out)>>(*number);
    any = true;
    return {};
  };
  for (const Result<>& done :
       {read("concurrency", limit.concurrency), read("rate", limit.rate), read("period_ms", limit.period_ms),
        read("burst", limit.burst), read("interval_ms", limit.interval_ms, no_interval),
        read("weight", limit.weight)}) {
    if (!done) return std::unexpected(done.error());
  }
  if (!any) {
    return fail(Code::invalid_argument,
                "the limit says nothing; expected a concurrency, rate, interval or weight", "concurrency");
  }
  if (limit.rate == 0 && given.find("period_ms") != nullptr)
    return fail(Code::invalid_argument, "period_ms needs a rate", "period_ms");
  return limit;
}

Value limit_value(const LimitView& view) {
  const Limit& limit = view.limit;
  Value map = Value::map();
  map.set("pattern", limit.pattern);
  if (limit.concurrency != 0) map.set("concurrency", limit.concurrency);
  if (limit.rate != 0) {
    map.set("rate", limit.rate);
    map.set("period_ms", limit.period_ms);
    map.set("burst", limit.burst);
  }
  if (limit.interval_ms != 0) map.set("interval_ms", limit.interval_ms);
  map.set("weight", limit.weight);
  map.set("declared", view.declared);
  return map;
}

}  // namespace joinery::broker::server
