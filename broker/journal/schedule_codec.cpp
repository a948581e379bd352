#include "broker/journal/schedule_codec.h"

#include "broker/journal/field_codec.h"

namespace joinery::broker::journal {
namespace {

void put(FieldWriter& out, const Schedule& schedule) {
  out.string(schedule.name);
  out.string(schedule.cron);
  out.string(schedule.zone);
  out.byte(static_cast<std::uint8_t>(schedule.catch_up));
  out.varint(schedule.catch_up_max);
  out.byte(static_cast<std::uint8_t>(schedule.overlap));
  out.string(schedule.group);
  out.varint(schedule.expires_in_ms);
  out.varint(schedule.deadline_in_ms);
  out.flag(schedule.declared);
}
void take(FieldReader& in, Schedule& schedule) {
  schedule.name = in.string();
  schedule.cron = in.string();
  schedule.zone = in.string();
  schedule.catch_up = static_cast<CatchUp>(in.byte_to(2));
  schedule.catch_up_max = in.u32();
  schedule.overlap = static_cast<Overlap>(in.byte_to(3));
  schedule.group = in.string();
  schedule.expires_in_ms = in.varint();
  schedule.deadline_in_ms = in.varint();
  schedule.declared = in.flag();
}

}  // namespace

void write(FieldWriter& out, const change::SetSchedule& set) {
  const ScheduleState& state = set.schedule;
  out.varint(state.number);
  out.flag(set.removed);
  put(out, state.is);
  out.zig(micros(state.since));
  out.zig(micros(state.next));
  out.flag(state.paused);
  out.string(state.paused_by);
  out.string(state.pause_reason);
  out.zig(micros(state.paused_since));
  out.zig(micros(state.last_due));
  out.varint(state.last_job);
  out.varint(state.submitted);
  out.varint(state.skipped);
  out.string(state.problem);
  out.varint(state.runs.size());
  for (const JobId id : state.runs) out.varint(id);
}
void read(FieldReader& in, change::SetSchedule& set) {
  ScheduleState& state = set.schedule;
  state.number = in.u32();
  set.removed = in.flag();
  take(in, state.is);
  state.since = wall(in.zig());
  state.next = wall(in.zig());
  state.paused = in.flag();
  state.paused_by = in.string();
  state.pause_reason = in.string();
  state.paused_since = wall(in.zig());
  state.last_due = wall(in.zig());
  state.last_job = in.varint();
  state.submitted = in.varint();
  state.skipped = in.varint();
  state.problem = in.string();
  state.runs.resize(in.count(1));
  for (JobId& id : state.runs) id = in.varint();
}

void write(FieldWriter& out, const change::Fired& fired) {
  out.string(fired.schedule);
  out.zig(micros(fired.due));
  out.zig(micros(fired.next));
  out.varint(fired.job);
  out.string(fired.problem);
}
void read(FieldReader& in, change::Fired& fired) {
  fired.schedule = in.string();
  fired.due = wall(in.zig());
  fired.next = wall(in.zig());
  fired.job = in.varint();
  fired.problem = in.string();
}

}  // namespace joinery::broker::journal
