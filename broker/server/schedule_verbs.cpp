// The verbs on schedules.
#include <fmt/format.h>

#include "broker/server/scheduler.h"
#include "broker/server/verb.h"

namespace joinery::broker::server {

namespace {

using protocol::Value;

constexpr std::size_t upcoming_shown = 5;
constexpr std::uint64_t most_usual = 100;
constexpr std::uint64_t most_limit = 10'000;

std::int64_t unix_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

void set_time(Value& map, std::string_view key, Wall time) {
  if (time != Wall{} && time != never_wall) map.set(key, unix_ms(time));
}

// Empty if its zone is gone.
Value upcoming(const ScheduleState& state) {
  Value times = Value::array();
  const auto table = Timetable::make(state.is.cron, state.is.zone, state.since);
  if (!table) return times;
  Wall time = state.next;
  for (std::size_t i = 0; i < upcoming_shown && time != never_wall; ++i, time = table->next(time))
    times.push(unix_ms(time));
  return times;
}

// Wall{}: it was forgotten.
Wall accepted_at(const Core& core, JobId id) {
  if (const auto ended = core.finished(id)) return ended->accepted_at;
  const auto job = core.job(id);
  return job && !job->queue_name.empty() ? job->accepted_at : Wall{};
}

Value schedule_value(const Desk& desk, const ScheduleState& state) {
  const Schedule& is = state.is;
  Value map = Value::map();
  map.set("name", is.name);
  map.set("cron", is.cron);
  map.set("tz", is.zone.empty() ? "UTC" : is.zone);
  map.set("catch_up", word(is.catch_up));
  if (is.catch_up == CatchUp::all) map.set("catch_up_max", is.catch_up_max);
  map.set("overlap", word(is.overlap));
  protocol::RawGroup group;
  if (decode_scheduled(is, limits::schedule_bytes, group)) {
    map.set("queue", group.queue);
    if (const auto spec = protocol::decode_spec(group.spec)) map.set("handler", spec->handler);
    map.set("payload_size", group.sizes.front());
  }
  if (is.expires_in_ms != 0) map.set("expires_in_ms", is.expires_in_ms);
  if (is.deadline_in_ms != 0) map.set("deadline_in_ms", is.deadline_in_ms);
  map.set("declared", is.declared);
  map.set("paused", state.paused);
  if (state.paused) {
    map.set("paused_by", state.paused_by);
    map.set("pause_reason", state.pause_reason);
    map.set("paused_since_ms", unix_ms(state.paused_since));
  }
  set_time(map, "next_ms", state.next);
  map.set("upcoming_ms", upcoming(state));
  set_time(map, "last_due_ms", state.last_due);
  if (state.last_job != 0) {
    map.set("last_job", state.last_job);
    set_time(map, "last_put_ms", accepted_at(desk.core, state.last_job));
  }
  Value runs = Value::array();
  for (const JobId id : state.runs) {
    const auto job = desk.core.job(id);
    if (job && !job->outcome) runs.push(id);
  }
  map.set("unfinished", std::move(runs));
  map.set("submitted", state.submitted);
  map.set("skipped", state.skipped);
  if (!state.problem.empty()) map.set("problem", state.problem);
  return map;
}

Result<const ScheduleState*> schedule_of(const Desk& desk, const Value& given) {
  const Result<std::string_view> name = given.str("schedule");
  if (!name) return std::unexpected(name.error());
  if (const ScheduleState* state = desk.core.schedule(std::string(*name))) return state;
  return fail(Code::unknown_schedule, fmt::format("there is no schedule '{}'", *name), "schedule");
}

Result<Value> schedule_list(const Desk& desk, const Value& given) {
  const Result<std::string_view> after = given.str_or("after", {});
  if (!after) return std::unexpected(after.error());
  const Result<std::uint64_t> most = given.u64_or("most", most_usual);
  if (!most) return std::unexpected(most.error());
  Value all = Value::array();
  for (const ScheduleState* state : desk.core.schedules(*after, std::min(*most, most_limit)))
    all.push(schedule_value(desk, *state));
  Value map = Value::map();
  map.set("schedules", std::move(all));
  return map;
}

Result<Value> schedule_show(const Desk& desk, const Value& given) {
  const auto state = schedule_of(desk, given);
  if (!state) return std::unexpected(state.error());
  return schedule_value(desk, **state);
}

DoneAnswer show(const Desk& desk, std::string name) {
  return [&desk, name = std::move(name)](std::uint64_t) {
    const ScheduleState* state = desk.core.schedule(name);
    return state == nullptr ? Value::map() : schedule_value(desk, *state);
  };
}

Result<> take_texts(const Value& given, Schedule& out) {
  for (const auto& [key, text] : {std::pair("schedule", &out.name), std::pair("cron", &out.cron)}) {
    const Result<std::string_view> value = given.str(key);
    if (!value) return std::unexpected(value.error());
    *text = *value;
  }
  const Result<std::string_view> zone = given.str_or("tz", {});
  if (!zone) return std::unexpected(zone.error());
  out.zone = *zone;
  const Result<Bytes> group = given.bytes("group");
  if (!group) return std::unexpected(group.error());
  out.group = *group;
  return {};
}

Result<> take_numbers(const Value& given, Schedule& out) {
  const Result<std::uint64_t> most = given.u64_or("catch_up_max", out.catch_up_max);
  if (!most) return std::unexpected(most.error());
  out.catch_up_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(*most, UINT32_MAX));
  for (const auto& [key, number] :
       {std::pair("expires_in_ms", &out.expires_in_ms), std::pair("deadline_in_ms", &out.deadline_in_ms)}) {
    const Result<std::uint64_t> value = given.u64_or(key, 0);
    if (!value) return std::unexpected(value.error());
    if (*value == 0 && given.find(key) != nullptr)
      return fail(Code::invalid_argument, fmt::format("{} is 0, expected at least 1", key), key);
    *number = *value;
  }
  return {};
}

Result<Plan> schedule_set(const Desk& desk, const Value& given) {
  Schedule schedule;
  if (Result<> taken = take_texts(given, schedule); !taken) return std::unexpected(taken.error());
  if (Result<> taken = take_numbers(given, schedule); !taken) return std::unexpected(taken.error());
  if (Result<> taken =
          take_word(given, "catch_up", catch_up_from_word, "none, last or all", schedule.catch_up);
      !taken)
    return std::unexpected(taken.error());
  if (given.find("catch_up_max") != nullptr && schedule.catch_up != CatchUp::all)
    return fail(Code::invalid_argument, "catch_up_max is given, expected catch_up all with it",
                "catch_up_max");
  if (Result<> taken =
          take_word(given, "overlap", overlap_from_word, "allow, skip, queue or replace", schedule.overlap);
      !taken)
    return std::unexpected(taken.error());
  const Result<bool> replace = given.boolean_or("replace", false);
  if (!replace) return std::unexpected(replace.error());
  DoneAnswer done = show(desk, schedule.name);
  const Result<Wall> first = desk.scheduler.first(schedule);
  if (!first) return Plan{Refuse{first.error()}, std::move(done)};
  return Plan{SetSchedule{std::move(schedule), *first, *replace}, std::move(done)};
}

Result<Plan> schedule_delete(const Desk&, const Value& given) {
  const Result<std::string_view> name = given.str("schedule");
  if (!name) return std::unexpected(name.error());
  return Plan{DeleteSchedule{std::string(*name)}, number_value};
}

Result<Plan> schedule_pause(const Desk& desk, const Value& given) {
  const Result<std::string_view> name = given.str("schedule");
  if (!name) return std::unexpected(name.error());
  Result<std::string> who = text_argument(given, "who");
  if (!who) return std::unexpected(who.error());
  Result<std::string> why = text_argument(given, "why");
  if (!why) return std::unexpected(why.error());
  return Plan{PauseSchedule{std::string(*name), std::move(*who), std::move(*why)},
              show(desk, std::string(*name))};
}

Result<Plan> schedule_resume(const Desk& desk, const Value& given) {
  const Result<std::string_view> name = given.str("schedule");
  if (!name) return std::unexpected(name.error());
  DoneAnswer done = show(desk, std::string(*name));
  const auto state = schedule_of(desk, given);
  if (!state) return Plan{Refuse{state.error()}, std::move(done)};
  const auto table = Timetable::make((*state)->is.cron, (*state)->is.zone, (*state)->since);
  if (!table) return Plan{Refuse{table.error()}, std::move(done)};
  return Plan{ResumeSchedule{std::string(*name), table->next(desk.now.wall)}, std::move(done)};
}

Value put_value(std::uint64_t job) {
  Value map = Value::map();
  map.set("job", job);
  return map;
}

Result<Plan> schedule_run(const Desk& desk, const Value& given) {
  if (const auto name = given.str("schedule"); !name) return std::unexpected(name.error());
  const auto state = schedule_of(desk, given);
  if (!state) return Plan{Refuse{state.error()}, put_value};
  const auto submission = desk.scheduler.submission((*state)->is);
  if (!submission) return Plan{Refuse{submission.error()}, put_value};
  return Plan{RunSchedule{(*state)->is.name, submission->group}, put_value, submission->payloads};
}

}  // namespace

std::vector<Verb> schedule_verbs() {
  return {
      {"schedule.set",
       {"schedule", "cron", "tz", "group", "catch_up", "catch_up_max", "overlap", "expires_in_ms",
        "deadline_in_ms", "replace"},
       schedule_set},
      {"schedule.list", {"after", "most"}, schedule_list},
      {"schedule.show", {"schedule"}, schedule_show},
      {"schedule.delete", {"schedule"}, schedule_delete},
      {"schedule.pause", {"schedule", "who", "why"}, schedule_pause},
      {"schedule.resume", {"schedule"}, schedule_resume},
      {"schedule.run", {"schedule"}, schedule_run},
  };
}

}  // namespace joinery::broker::server
