// Schedules: set, taken back, paused, and fired.
#include "broker/core/schedules.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

// --- in the ledger ---

bool Ledger::is_unfinished(JobId id) const {
  const Job* found = job(id);
  return found != nullptr && found->get_state() != State::failed && !is_ghost(*found);
}

void Ledger::note_schedules() {
  schedules_due = never_wall;
  for (const auto& [_, schedule] : schedules) {
    if (!schedule.paused) schedules_due = std::min(schedules_due, schedule.next);
  }
}

bool Ledger::on(const change::SetSchedule& change, Fallout&, std::uint64_t) {
  const ScheduleState& schedule = change.schedule;
  if (schedule.number == 0 || schedule.is.name.empty()) return false;
  if (change.removed) {
    if (schedules.erase(schedule.is.name) == 0) return false;
  } else {
    schedules[schedule.is.name] = schedule;
    next_schedule = std::max(next_schedule, schedule.number + 1);
  }
  note_schedules();
  return true;
}

bool Ledger::on(const change::Fired& change, Fallout&, std::uint64_t) {
  const auto found = schedules.find(change.schedule);
  if (found == schedules.end()) return false;
  ScheduleState& schedule = found->second;
  schedule.next = change.next;
  schedule.problem = change.problem;
  if (change.job != 0) {
    Job* put = job(change.job);
    if (put == nullptr) return false;
    need_rare(*put).schedule = schedule.number;
    schedule.last_job = change.job;
    schedule.last_due = change.due;
    ++schedule.submitted;
    std::erase_if(schedule.runs, [&](JobId id) { return !is_unfinished(id); });
    if (schedule.is.overlap == Overlap::allow) schedule.runs.clear();
    schedule.runs.push_back(change.job);
  } else if (!change.problem.empty()) {
    ++schedule.skipped;
  }
  note_schedules();
  return true;
}

// --- decisions ---

Result<ScheduleState> Core::Impl::known_schedule(const std::string& name) const {
  const auto found = ledger.schedules.find(name);
  if (found != ledger.schedules.end()) return found->second;
  return fail(Code::unknown_schedule, fmt::format("there is no schedule '{}'", name), "schedule");
}

Result<std::uint64_t> Core::Impl::verb(Now now, const SetSchedule& verb, Effects& effects) {
  if (auto valid = validate(verb.schedule); !valid) return std::unexpected(valid.error());
  ScheduleState state;
  state.number = ledger.next_schedule;
  const auto known = ledger.schedules.find(verb.schedule.name);
  const bool is_new = known == ledger.schedules.end();
  if (!is_new) {
    state = known->second;
    if (state.is.declared && !verb.schedule.declared)
      return fail(Code::invalid_state,
                  fmt::format("the schedule {} is declared in the broker's configuration; change it there",
                              verb.schedule.name),
                  "schedule");
    if (!verb.replace)
      return fail(Code::invalid_state,
                  fmt::format("there is a schedule {}; expected replace (--replace) to change it",
                              verb.schedule.name),
                  "schedule");
  }
  // Without a next time (its zone was not on the host when it was due) it is given one.
  const bool same_times = !is_new && state.is.cron == verb.schedule.cron &&
                          state.is.zone == verb.schedule.zone && state.next != never_wall;
  state.is = verb.schedule;
  if (!same_times) {
    state.since = now.wall;
    state.next = verb.next;
  }
  if (is_new || state != known->second) record(change::SetSchedule{std::move(state)}, effects);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now, const DeleteSchedule& verb, Effects& effects) {
  auto state = known_schedule(verb.schedule);
  if (!state) return std::unexpected(state.error());
  if (state->is.declared && !verb.declared)
    return fail(Code::invalid_state,
                fmt::format("the schedule {} is declared in the broker's configuration; take it out there",
                            verb.schedule),
                "schedule");
  record(change::SetSchedule{std::move(*state), true}, effects);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now now, const PauseSchedule& verb, Effects& effects) {
  auto state = known_schedule(verb.schedule);
  if (!state) return std::unexpected(state.error());
  state->paused = true;
  state->paused_by = verb.who;
  state->pause_reason = verb.why;
  state->paused_since = now.wall;
  record(change::SetSchedule{std::move(*state)}, effects);
  return 1;
}

// What was due meanwhile is not made up for: someone wanted it so.
Result<std::uint64_t> Core::Impl::verb(Now, const ResumeSchedule& verb, Effects& effects) {
  auto state = known_schedule(verb.schedule);
  if (!state) return std::unexpected(state.error());
  if (!state->paused) return 0;
  state->paused = false;
  state->paused_by.clear();
  state->pause_reason.clear();
  state->paused_since = Wall{};
  state->next = state->next == never_wall ? verb.next : std::max(state->next, verb.next);
  record(change::SetSchedule{std::move(*state)}, effects);
  return 1;
}

// Once now, whatever its times say.
Result<std::uint64_t> Core::Impl::verb(Now now, const RunSchedule& verb, Effects& effects) {
  if (refuse_puts != Code::ok) return fail(refuse_puts, std::string(meaning(refuse_puts)));
  const auto state = known_schedule(verb.schedule);
  if (!state) return std::unexpected(state.error());
  const Result<JobId> job = put_scheduled(now, *state, verb.group, effects);
  if (!job) return std::unexpected(job.error());
  record(change::Fired{.schedule = verb.schedule, .next = state->next, .job = *job, .problem = {}}, effects);
  return *job;
}

// The job and its firing are changes of one command: both survive, or none, and then its time is still to
// come.
void Core::Impl::on(Now now, const Fire& fire, Effects& effects) {
  const auto found = ledger.schedules.find(std::string(fire.schedule));
  if (found == ledger.schedules.end() || refuse_puts != Code::ok) return;
  const ScheduleState& state = found->second;
  const bool is_due = !state.paused && state.next == fire.was && fire.was <= now.wall && fire.next > fire.was;
  if (!is_due) return;  // it was fired before, or is not what it was
  change::Fired fired{.schedule = state.is.name,
                      .due = fire.due.value_or(Wall{}),
                      .next = fire.next,
                      .problem = fire.problem};
  if (fire.due) {
    const bool fits = *fire.due >= fire.was && *fire.due <= now.wall && fire.next > *fire.due;
    JOINERY_CHECK(fits && fire.group != nullptr);
    const Result<JobId> job = put_scheduled(now, state, *fire.group, effects);
    if (job) {
      fired.job = *job;
    } else {
      fired.problem = job.error().message;
    }
  }
  record(std::move(fired), effects);
}

// A full queue holds it up no more than it does the children of a handler: nobody waits for an answer here.
Result<JobId> Core::Impl::put_scheduled(Now now, const ScheduleState& state, PutGroup group,
                                        Effects& effects) {
  if (auto error = check_group(group)) return std::unexpected(std::move(*error));
  const Overlap overlap = state.is.overlap;
  const auto still = [&] {
    std::vector<JobId> runs = state.runs;
    std::erase_if(runs, [&](JobId id) { return !ledger.is_unfinished(id); });
    return runs;
  };
  std::vector<JobId> runs = overlap == Overlap::allow ? std::vector<JobId>{} : still();
  const bool waits =
      std::ranges::any_of(runs, [&](JobId id) { return ledger.job(id)->get_state() == State::blocked; });
  if (!runs.empty() && (overlap == Overlap::skip || (overlap == Overlap::queue && waits)))
    return fail(Code::invalid_state, fmt::format("its job {} is unfinished", runs.back()), "schedule");
  const std::uint32_t queue = need_queue(group.queue, effects);
  const Result<JobId> existing = settle_conflicts(now, group, queue, effects);
  if (!existing) return existing;
  if (*existing != 0)
    return fail(Code::duplicate_job, fmt::format("job {} has its unique key", *existing), "schedule");
  if (overlap == Overlap::replace) {
    cancel(now, runs, Duration{5'000'000}, effects, fmt::format("schedule {} replaced it", state.is.name));
    runs = still();  // those that run have a moment to stop
  }
  if (!runs.empty()) {
    Columns& columns = column_buffers_.emplace_back(group.columns == nullptr ? Columns{} : *group.columns);
    columns.after = {{runs.begin(), runs.end()}};
    group.columns = &columns;
  }
  return put(now, group, queue, 0, false, effects);
}

// --- views ---

std::vector<const ScheduleState*> Core::schedules() const {
  std::vector<const ScheduleState*> all;
  for (const auto& [_, schedule] : impl_->ledger.schedules) all.push_back(&schedule);
  return all;
}

std::vector<const ScheduleState*> Core::schedules(std::string_view after, std::size_t most) const {
  const auto& known = impl_->ledger.schedules;
  std::vector<const ScheduleState*> page;
  for (auto at = known.upper_bound(std::string(after)); at != known.end() && page.size() < most; ++at)
    page.push_back(&at->second);
  return page;
}

const ScheduleState* Core::schedule(const std::string& name) const {
  const auto found = impl_->ledger.schedules.find(name);
  return found == impl_->ledger.schedules.end() ? nullptr : &found->second;
}

Wall Core::next_schedule() const {
  return impl_->refuse_puts == Code::ok ? impl_->ledger.schedules_due : never_wall;
}

}  // namespace joinery::broker
