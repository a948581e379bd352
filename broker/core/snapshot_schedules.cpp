// The part of a snapshot that is schedules.
#include "broker/core/snapshot.h"

namespace joinery::broker {

void SnapshotWriter::write_time(Wall time) { out_.put(time.time_since_epoch().count()); }
Wall SnapshotReader::read_time() { return Wall(Duration(in_.get<std::int64_t>())); }

void SnapshotWriter::write_schedules() {
  out_.put(ledger_.next_schedule);
  out_.put(std::uint64_t{ledger_.schedules.size()});
  for (const auto& [_, state] : ledger_.schedules) {
    const Schedule& is = state.is;
    out_.put(state.number);
    for (const std::string* text : {&is.name, &is.cron, &is.zone, &is.group}) out_.put(Bytes(*text));
    out_.put(is.catch_up);
    out_.put(is.catch_up_max);
    out_.put(is.overlap);
    out_.put(is.expires_in_ms);
    out_.put(is.deadline_in_ms);
    out_.put(std::uint8_t{is.declared});
    out_.put(std::uint8_t{state.paused});
    for (const Wall time : {state.since, state.next, state.paused_since, state.last_due}) write_time(time);
    for (const std::string* text : {&state.paused_by, &state.pause_reason, &state.problem})
      out_.put(Bytes(*text));
    for (const std::uint64_t number : {state.last_job, state.submitted, state.skipped}) out_.put(number);
    out_.put(std::uint64_t{state.runs.size()});
    for (const JobId id : state.runs) out_.put(id);
  }
}

void SnapshotReader::read_schedules() {
  in_.get(ledger_.next_schedule);
  for (auto n = in_.count(50); n != 0 && in_.ok(); --n) {
    ScheduleState state;
    Schedule& is = state.is;
    in_.get(state.number);
    for (std::string* text : {&is.name, &is.cron, &is.zone, &is.group}) *text = in_.text();
    is.catch_up = in_.get_enum(CatchUp::all);
    in_.get(is.catch_up_max);
    is.overlap = in_.get_enum(Overlap::replace);
    in_.get(is.expires_in_ms);
    in_.get(is.deadline_in_ms);
    is.declared = in_.get<std::uint8_t>() != 0;
    state.paused = in_.get<std::uint8_t>() != 0;
    for (Wall* time : {&state.since, &state.next, &state.paused_since, &state.last_due}) *time = read_time();
    for (std::string* text : {&state.paused_by, &state.pause_reason, &state.problem}) *text = in_.text();
    for (std::uint64_t* number : {&state.last_job, &state.submitted, &state.skipped}) in_.get(*number);
    for (auto runs = in_.count(8); runs != 0 && in_.ok(); --runs) state.runs.push_back(in_.get<JobId>());
    if (in_.ok()) ledger_.schedules[is.name] = std::move(state);
  }
  ledger_.note_schedules();
}

}  // namespace joinery::broker
