// Schedules: fired when they are due, once for each time, and not while they are paused; what their overlap
// lets them put; and what is kept of them.
//
// Not checked: which times a schedule has, and which are too late to be made up for (schedule_simulation_test
// has the timetables); and a run by hand that is refused, which leaves no record. Jobs of schedules are in no
// batch here: those of a cancelled one have ended for some who look, and for others not yet.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/model.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;

void Model::on(const change::SetSchedule& change) {
  const std::string& name = change.schedule.is.name;
  const bool known = now_.schedules.contains(name);
  if (change.removed) {
    if (now_.schedules.erase(name) == 0)
      throw Broken(fmt::format("schedule {} is removed, and is not there", name));
    return;
  }
  if (!known && change.schedule.number <= now_.last_schedule)
    throw Broken(fmt::format("schedule {} gets the number of another", name));
  now_.last_schedule = std::max(now_.last_schedule, change.schedule.number);
  ScheduleState& schedule = now_.schedules[name];
  // What its firings made of it is not changed by anybody.
  ScheduleState set = change.schedule;
  set.last_due = schedule.last_due;
  set.last_job = schedule.last_job;
  set.submitted = schedule.submitted;
  set.skipped = schedule.skipped;
  set.problem = schedule.problem;
  set.runs = schedule.runs;
  schedule = std::move(set);
}

void Model::on(const change::Fired& change) {
  const auto known = now_.schedules.find(change.schedule);
  if (known == now_.schedules.end())
    throw Broken(fmt::format("schedule {} is fired, and is not there", change.schedule));
  ScheduleState& schedule = known->second;
  check_fired(change, schedule);
  schedule.next = change.next;
  schedule.problem = change.problem;
  if (change.job == 0) {
    ++schedule.skipped;
    return;
  }
  ++schedule.submitted;
  schedule.last_job = change.job;
  schedule.last_due = change.due;
  std::erase_if(schedule.runs, [&](JobId id) { return !now_.jobs.at(id).is_unfinished(); });
  if (schedule.is.overlap == Overlap::allow) schedule.runs.clear();
  schedule.runs.push_back(change.job);
}

void Model::check_fired(const change::Fired& change, const ScheduleState& known) const {
  const auto broken = [&](const char* what) {
    throw Broken(fmt::format("schedule {} {}", change.schedule, what));
  };
  if (change.job != 0) {
    const ModelJob* put = job(change.job);
    if (put == nullptr || put->put_end != deciding_->end || put->payload != scheduled_payload)
      broken("is said to have put a job that it did not put");
  }
  check_overlap(change, known);
  if (change.due == Wall{} && change.job != 0) {  // by hand
    if (change.next != known.next) broken("has another time after it was run by hand");
    return;
  }
  if (known.paused) broken("is fired while it is paused");
  if (known.next > deciding_->now.wall) broken("is fired before it is due");
  if (change.next <= known.next) broken("is due for the same time again");
  const bool in_time =
      change.due >= known.next && change.due <= deciding_->now.wall && change.due < change.next;
  if (change.due != Wall{} && !in_time) broken("is fired for a time that is not due");
  if (known.is.catch_up != CatchUp::all && change.next <= deciding_->now.wall)
    broken("makes up for more than one time");
  if (known.is.catch_up != CatchUp::none && change.due == Wall{}) broken("lets a time pass");
}

// Nothing but its overlap keeps a schedule of the workload from putting what is due.
void Model::check_overlap(const change::Fired& change, const ScheduleState& known) const {
  const auto broken = [&](const char* what) {
    throw Broken(fmt::format("schedule {} (overlap {}) {}; its last job: {}", change.schedule,
                             word(known.is.overlap), what,
                             known.runs.empty() ? "none" : describe(known.runs.back())));
  };
  std::vector<JobId> left;  // unfinished still
  bool any_ended = false, any_waits = false, all_stop = true;
  for (const JobId id : known.runs) {
    const ModelJob& run = now_.jobs.at(id);
    any_ended = any_ended || (run.is == Is::ended && run.end == deciding_->end);
    if (!run.is_unfinished()) continue;
    left.push_back(id);
    const auto waits = [&](JobId first) { return waits_for(run, first); };
    any_waits = any_waits || (run.is == Is::waiting && std::ranges::any_of(run.after, waits));
    all_stop = all_stop && run.is == Is::running && run.cancelling;
  }
  const Overlap overlap = known.is.overlap;
  const bool in_the_way = overlap == Overlap::skip ? !left.empty() : overlap == Overlap::queue && any_waits;
  if (change.job == 0) {
    if (change.due != Wall{} && !in_the_way) broken("puts nothing, and nothing is in its way");
    return;
  }
  if (in_the_way) broken("puts a job, though others are in its way");
  if (overlap == Overlap::allow) left.clear();
  if (any_ended && overlap != Overlap::replace) broken("ends a job that it does not replace");
  if (overlap == Overlap::replace && !all_stop) broken("leaves a job be that it replaces");
  const ModelJob& put = now_.jobs.at(change.job);
  if (put.after != left) broken("puts a job that does not wait for those before it, or for others");
  if (!left.empty() && put.spec->after != After::finished) broken("puts a job that needs those before it");
}

void Model::compare_schedules(const Core& core) const {
  if (core.schedules().size() != now_.schedules.size()) throw Broken("a schedule is lost, or too many");
  for (const auto& [name, known] : now_.schedules) {
    const ScheduleState* state = core.schedule(name);
    if (state == nullptr) throw Broken(fmt::format("schedule {} is lost", name));
    if (*state != known)
      throw Broken(fmt::format("schedule {} is another than was set, or has forgotten its jobs", name));
  }
}

}  // namespace joinery::simulation
