#include "broker/server/history.h"

#include <fmt/format.h>

#include <algorithm>

namespace joinery::broker::server {
namespace {

using protocol::Value;

constexpr std::uint64_t most_usual = 100;
constexpr std::uint64_t most_limit = 10'000;

Result<std::optional<Wall>> time_of(const Value& given, std::string_view key) {
  if (given.find(key) == nullptr) return std::optional<Wall>();
  const Result<std::int64_t> ms = given.i64(key);
  if (!ms) return std::unexpected(ms.error());
  constexpr std::int64_t most = INT64_MAX / 1000;
  return std::optional(Wall(std::chrono::milliseconds(std::clamp(*ms, -most, most))));
}

Result<> known_queue(const Desk& desk, std::string_view name) {
  if (desk.core.queue(name)) return {};
  return fail(Code::unknown_queue, fmt::format("there is no queue '{}'", name), "queue");
}

Result<FinishedFilter> filter_of(const Desk& desk, const Value& given) {
  FinishedFilter filter;
  for (const auto& [key, out] : {std::pair("queue", &filter.queue), std::pair("handler", &filter.handler),
                                 std::pair("key", &filter.key), std::pair("error", &filter.error)}) {
    const Result<std::string_view> value = given.str_or(key, {});
    if (!value) return std::unexpected(value.error());
    *out = *value;
  }
  if (!filter.queue.empty()) {
    if (Result<> known = known_queue(desk, filter.queue); !known) return std::unexpected(known.error());
  }
  const Result<std::string_view> outcome = given.str_or("outcome", {});
  if (!outcome) return std::unexpected(outcome.error());
  filter.outcome = outcome_from_word(*outcome);
  if (!outcome->empty() && !filter.outcome) {
    return fail(Code::invalid_argument,
                fmt::format("outcome is '{}'; expected succeeded, failed, cancelled or expired", *outcome),
                "outcome");
  }
  const Result<std::uint64_t> batch = given.u64_or("batch", 0);
  if (!batch) return std::unexpected(batch.error());
  filter.batch = *batch;
  for (const auto& [key, out] : {std::pair("ended_before_ms", &filter.ended_before),
                                 std::pair("ended_after_ms", &filter.ended_after)}) {
    const auto time = time_of(given, key);
    if (!time) return std::unexpected(time.error());
    *out = *time;
  }
  return filter;
}

}  // namespace

Result<Value> finished_list(const Desk& desk, const Value& given) {
  const Result<FinishedFilter> filter = filter_of(desk, given);
  if (!filter) return std::unexpected(filter.error());
  const Result<std::uint64_t> before = given.u64_or("before", 0);
  if (!before) return std::unexpected(before.error());
  const Result<std::uint64_t> most = given.u64_or("most", most_usual);
  if (!most) return std::unexpected(most.error());
  const FinishedPage page = desk.core.finished(*filter, *before, std::min(*most, most_limit));
  Value jobs = Value::array();
  for (const FinishedView& job : page.jobs) jobs.push(finished_value(job));
  Value map = Value::map();
  map.set("jobs", std::move(jobs));
  if (page.next != 0) map.set("next", page.next);
  return map;
}

Result<PurgeHistory> forget_of(const Desk& desk, const Value& given) {
  const Result<std::string_view> queue = given.str("queue");
  if (!queue) return std::unexpected(queue.error());
  if (Result<> known = known_queue(desk, *queue); !known) return std::unexpected(known.error());
  const auto before = time_of(given, "ended_before_ms");
  if (!before) return std::unexpected(before.error());
  return PurgeHistory{std::string(*queue), before->value_or(never_wall)};
}

}  // namespace joinery::broker::server
