// Whether what is submitted can be put: the answer names the field.
#include <fmt/format.h>

#include <chrono>

#include "broker/core/impl.h"

namespace joinery::broker {

std::optional<Error> Core::Impl::check_group(const PutGroup& group) const {
  if (group.batch != 0) {
    if (auto error = check_batch(group.batch, "batch")) return error;
  }
  return check_content(group);
}

// All but its batch.
std::optional<Error> Core::Impl::check_content(const PutGroup& group) const {
  if (auto name = validate_name(group.queue, "queue"); !name) return name.error();
  if (group.sizes.empty())
    return Error{Code::invalid_argument, "payloads is empty, expected at least one", "payloads"};
  JOINERY_CHECK(group.spec < ledger.specs.size());  // the caller's intern
  const std::uint32_t queue = ledger.find_queue(group.queue);
  if (queue == 0 && !options.create_queues) {
    return Error{Code::unknown_queue, fmt::format("there is no queue {}, and puts create none", group.queue),
                 "queue"};
  }
  if (group.columns == nullptr) return std::nullopt;
  const Columns& columns = *group.columns;
  for (std::size_t length :
       {columns.priority.size(), columns.delay_ms.size(), columns.run_at_ms.size(),
        columns.expires_at_ms.size(), columns.key.size(), columns.unique_key.size(),
        columns.deadline_ms.size(), columns.after.size(), columns.after_batches.size()}) {
    if (length != 0 && length != group.sizes.size()) {
      return Error{Code::invalid_argument,
                   fmt::format("a column has {} values, expected {}", length, group.sizes.size()), "columns"};
    }
  }
  return columns.unique_key.empty() ? std::nullopt : check_unique(group);
}

// Also that its options fit together, with the defaults of its queue; a schedule is asked that when it is
// set.
std::optional<Error> Core::Impl::check_submitted(const PutGroup& group) const {
  if (auto error = check_group(group)) return error;
  return check_together(group);
}

std::optional<Error> Core::refusal(const PutGroup& group) const { return impl_->check_submitted(group); }

std::optional<Error> Core::Impl::check_together(const PutGroup& group) const {
  static const Columns none;
  const Spec& spec = ledger.specs[group.spec].spec;
  if (auto checked = validate_together(spec, group.columns == nullptr ? none : *group.columns); !checked)
    return checked.error();
  if (!spec.inputs || options.keeps_results) return std::nullopt;
  return Error{
      Code::no_result,
      "spec.inputs is true, and this broker has no Redis that would pass results on (redis.url is none)",
      "spec.inputs"};
}

// A job that is over, or would be before it may start. Asked when it is submitted; children that come too
// late are no mistake of their parent's.
std::optional<Error> Core::Impl::check_times(Now now, const PutGroup& group) const {
  if (group.columns == nullptr) return std::nullopt;
  const Columns& columns = *group.columns;
  const std::int64_t now_ms =
      std::chrono::floor<std::chrono::milliseconds>(now.wall.time_since_epoch()).count();
  const auto of = [](const auto& column, std::size_t i) {
    return column.empty() ? 0 : static_cast<std::int64_t>(column[i]);
  };
  for (const auto& [limit, field] : {std::pair(&columns.expires_at_ms, "columns.expires_at_ms"),
                                     std::pair(&columns.deadline_ms, "columns.deadline_ms")}) {
    for (std::size_t i = 0; i < limit->size(); ++i) {
      const std::int64_t end_ms = (*limit)[i];
      if (end_ms == 0) continue;
      if (end_ms <= now_ms)
        return Error{Code::expired, fmt::format("{} was over {} ms ago", field, now_ms - end_ms), field};
      const std::int64_t delay_ms = of(columns.delay_ms, i);
      const bool delayed = end_ms - now_ms <= delay_ms;
      if (!delayed && of(columns.run_at_ms, i) < end_ms) continue;
      const char* late = delayed ? "columns.delay_ms" : "columns.run_at_ms";
      return Error{Code::invalid_argument, fmt::format("{} is not over before {} is", late, field), late};
    }
  }
  return std::nullopt;
}

// Whether the queue, there or not yet (0), has room for so many more.
std::optional<Error> Core::Impl::check_room(std::uint32_t id, std::string_view name,
                                            std::uint64_t number) const {
  const QueueState* queue = id == 0 ? nullptr : &ledger.queues[id];
  const std::uint64_t maxsize = queue == nullptr ? options.queue_defaults.maxsize : queue->options.maxsize;
  const std::uint64_t waiting = queue == nullptr ? 0 : queue->waiting();
  const bool others_wait = queue != nullptr && queue->parked_head != no_slot;
  if (maxsize == 0 || (waiting + number <= maxsize && !others_wait)) return std::nullopt;
  return Error{Code::queue_full,
               fmt::format("queue {} holds {} jobs and maxsize is {}; {} more do not fit", name, waiting,
                           maxsize, number),
               "queue"};
}

}  // namespace joinery::broker
