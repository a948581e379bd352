#include "broker/server/scheduler.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "broker/timetable/missed.h"

namespace joinery::broker::server {

namespace {

std::unexpected<Error> unfit(const char* field, std::string message) {
  return fail(Code::invalid_argument, std::move(message), field);
}

std::int64_t after_now(Now now, std::uint64_t ms) {
  return now.wall.time_since_epoch() / std::chrono::milliseconds(1) + static_cast<std::int64_t>(ms);
}

}  // namespace

Result<> validate_delay(const Schedule& schedule, const Columns& columns) {
  if (columns.delay_ms.empty()) return {};
  const std::uint64_t delay = columns.delay_ms.front();
  for (const auto& [field, limit] : {std::pair("expires_in_ms", schedule.expires_in_ms),
                                     std::pair("deadline_in_ms", schedule.deadline_in_ms)}) {
    if (limit != 0 && delay >= limit)
      return unfit(
          "columns.delay_ms",
          fmt::format("columns.delay_ms is {} ms, expected less than the {} ms of {}", delay, limit, field));
  }
  return {};
}

Result<> decode_scheduled(const Schedule& schedule, std::size_t payload_max, protocol::RawGroup& out) {
  if (Result<> decoded = protocol::decode_group(schedule.group, payload_max, out); !decoded) return decoded;
  if (out.payloads.size() != 1)
    return unfit("group", fmt::format("group has {} payloads, expected one", out.payloads.size()));
  if (out.parent != 0) return unfit("group", "group has a parent, expected 0");
  const Columns& columns = out.columns;
  if (!(columns.run_at_ms.empty() && columns.expires_at_ms.empty() && columns.deadline_ms.empty()))
    return unfit("group", "group has a time, expected delay_ms, expires_in_ms or deadline_in_ms");
  if (!(columns.after.empty() && columns.after_batches.empty()))
    return unfit("group", "group comes after others, which a schedule cannot");
  if (Result<> valid = validate_delay(schedule, columns); !valid) return valid;
  const auto spec = protocol::decode_spec(out.spec);
  return spec ? validate_together(*spec, columns) : std::unexpected(spec.error());
}

Result<Wall> Scheduler::first(const Schedule& schedule) {
  if (Result<> valid = validate(schedule); !valid) return std::unexpected(valid.error());
  const Wall now = transactor_.now().wall;
  const auto table = Timetable::make(schedule.cron, schedule.zone, now);
  if (!table) return std::unexpected(table.error());
  const auto submitted = submission(schedule, After::succeeded);
  if (!submitted) return std::unexpected(submitted.error());
  if (auto error = core_.refusal(submitted->group)) return std::unexpected(std::move(*error));
  return table->next(now);
}

Result<Scheduler::Submission> Scheduler::submission(const Schedule& schedule, After after) {
  if (Result<> decoded = decode_scheduled(schedule, payload_max_, raw_); !decoded)
    return std::unexpected(decoded.error());
  auto spec = protocol::decode_spec(raw_.spec);
  if (!spec) return std::unexpected(spec.error());
  spec->after = after;
  const SpecId id = specs_.intern(std::move(*spec), raw_.queue, transactor_.effects());
  const Now now = transactor_.now();
  if (schedule.expires_in_ms != 0) raw_.columns.expires_at_ms = {after_now(now, schedule.expires_in_ms)};
  if (schedule.deadline_in_ms != 0) raw_.columns.deadline_ms = {after_now(now, schedule.deadline_in_ms)};
  const bool plain = raw_.columns == Columns{};
  payloads_ = raw_.payloads;
  return Submission{.group = {.queue = raw_.queue,
                              .spec = id,
                              .batch = raw_.batch,
                              .parent = 0,
                              .sizes = raw_.sizes,
                              .columns = plain ? nullptr : &raw_.columns},
                    .payloads = {&payloads_, 1}};
}

void Scheduler::turn() {
  const Wall now = transactor_.now().wall;
  if (core_.next_schedule() > now) return;
  std::vector<std::string> due;
  for (const ScheduleState* state : core_.schedules()) {
    if (!state->paused && state->next <= now) due.push_back(state->is.name);
  }
  for (const std::string& name : due) fire(name);
}

void Scheduler::fire(const std::string& name) {
  const ScheduleState& state = *core_.schedule(name);
  const auto table = Timetable::make(state.is.cron, state.is.zone, state.since);
  if (!table) {  // its time zone is not on this host any more
    spdlog::error("schedule {} is not due any more: {}", name, table.error().message);
    return transactor_.apply(Fire{.schedule = name,
                                  .was = state.next,
                                  .due = {},
                                  .next = never_wall,
                                  .problem = table.error().message});
  }
  for (const Firing& firing : firings(*table, state.is, state.next, transactor_.now().wall)) {
    Fire fire{.schedule = name, .was = state.next, .due = firing.due, .next = firing.next, .problem = {}};
    if (!firing.due) {
      fire.problem = "it was missed, and catch_up is none";
      transactor_.apply(fire);
      continue;
    }
    const auto submission = this->submission(state.is);
    if (submission) {
      fire.group = &submission->group;
      transactor_.apply(fire, submission->payloads);
    } else {
      fire.due.reset();
      fire.problem = submission.error().message;
      transactor_.apply(fire);
    }
    if (!state.problem.empty()) spdlog::warn("schedule {} submitted nothing: {}", name, state.problem);
  }
}

}  // namespace joinery::broker::server
