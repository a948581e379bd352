// Schedules: fired when they are due, once for each time, and not while they are paused; and what is kept of
// them. Their times and overlaps have a model of their own: schedule_simulation_test.
#include <fmt/format.h>

#include "tests/simulation/model.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

using namespace broker;

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
  now_.schedules[name] = change.schedule;
}

void Model::on(const change::Fired& change) {
  const auto known = now_.schedules.find(change.schedule);
  if (known == now_.schedules.end())
    throw Broken(fmt::format("schedule {} is fired, and is not there", change.schedule));
  check_fired(change, known->second);
  known->second.next = change.next;
  known->second.submitted += change.job != 0 ? 1 : 0;
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
}

void Model::compare_schedules(const Core& core) const {
  if (core.schedules().size() != now_.schedules.size()) throw Broken("a schedule is lost, or too many");
  for (const auto& [name, known] : now_.schedules) {
    const ScheduleState* state = core.schedule(name);
    if (state == nullptr) throw Broken(fmt::format("schedule {} is lost", name));
    if (state->is != known.is || state->next != known.next || state->paused != known.paused ||
        state->submitted != known.submitted || state->number != known.number)
      throw Broken(fmt::format("schedule {} is another than was set", name));
  }
}

}  // namespace joinery::simulation
