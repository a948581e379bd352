// What time brings about, and what follows from changes.
#include <fmt/format.h>

#include "broker/core/impl.h"

namespace joinery::broker {

void Core::Impl::begin(Now now) {
  now_ = now;
  due_buffers_.clear();
  column_buffers_.clear();
  first_new_ = ledger.next_job;
}

void Core::Impl::tick(Now now, Effects& effects) {
  begin(now);
  fallout.broken.insert(fallout.broken.end(), broken_later_.begin(), broken_later_.end());
  broken_later_.clear();
  sweep_left_ = 16'384;
  fire_wall(now, effects);
  fire_history(now);
  if (ledger.ghosts() != 0) sweep(now, effects);
  for (DelayTimer timer; delays.take_due(now.mono, timer);) {
    const Slot slot = ledger.find(timer.job);
    if (slot == no_slot) continue;
    const Job& job = ledger.jobs[slot];
    if (!job.has(flag_wall) && ledger.due_of(job) == timer.due && !ledger.is_ghost(job))
      ledger.ripen(slot, fallout);
  }
  for (SessionTimer timer; session_timers.take_due(now.mono, timer);) {
    if (timer.sequence == 0) {
      check_session(now, timer.session, effects);
    } else if (timer.if_away) {
      withdraw_abandoned(now, timer.session, timer.sequence, effects);
    } else {
      const Error why{Code::queue_full, "there was no room in time", "queue"};
      give_up_parked(now, timer.session, timer.sequence, why, effects);
    }
  }
  if (keys.fire(now)) dispatch_wanted = true;
  settle(effects);
  if (wall_timers.next() <= now.wall) {  // of jobs that were parked until now
    fire_wall(now, effects);
    settle(effects);
  }
  dispatch(effects);
  settle(effects);
}

void Core::Impl::fire_wall(Now now, Effects& effects) {
  std::vector<JobId> expired;
  std::vector<JobId> late;
  ledger.expire_claims(now.wall);
  for (WallTimer timer; wall_timers.take_due(now.wall, timer);) {
    const Slot slot = ledger.find(timer.job);
    if (slot == no_slot) continue;
    const Job& job = ledger.jobs[slot];
    if (ledger.is_ghost(job)) continue;
    const Rare* rare = ledger.rare(job);
    const bool waits = job.get_state() == State::ready || job.get_state() == State::scheduled ||
                       job.get_state() == State::blocked;
    if (rare != nullptr && rare->deadline <= now.wall && job.get_state() != State::failed) {
      late.push_back(job.id);
    } else if (waits && job.attempt == 0 && rare != nullptr && rare->expires <= now.wall) {
      expired.push_back(job.id);
    } else if (job.get_state() == State::scheduled && job.has(flag_wall) && job.due() <= now.wall) {
      ledger.ripen(slot, fallout);
    }
  }
  // A job with both times has two timers.
  std::ranges::sort(expired);
  expired.erase(std::unique(expired.begin(), expired.end()), expired.end());
  end(now, Outcome::expired, std::move(expired), effects);
  if (!late.empty()) stop_late(now, late, effects);
}

// Jobs that were not finished by their deadline: those that wait end, those that run are told.
void Core::Impl::stop_late(Now now, const std::vector<JobId>& jobs, Effects& effects) {
  std::set<JobId> waiting;
  for (JobId id : jobs) {
    const State state = ledger.job(id)->get_state();
    if (state == State::running) {
      cancel(now, {id}, Duration{5'000'000}, effects);
    } else if (state != State::parked) {
      waiting.insert(id);
    }
  }
  end(now, Outcome::expired, {waiting.begin(), waiting.end()}, effects);
}

// Sets the timers of a job that may expire.
void Core::Impl::arm(JobId id) {
  const Job* job = ledger.job(id);
  if (job == nullptr) return;
  if (const Rare* rare = ledger.rare(*job); rare != nullptr) {
    if (rare->expires != never_wall && job->attempt == 0) wall_timers.add({rare->expires, id});
    if (rare->deadline != never_wall && job->get_state() != State::failed)
      wall_timers.add({rare->deadline, id});
  }
}

// Sets the timer of a job that is to run later; of one that is parked or blocked only for its delay.
void Core::Impl::arm_due(JobId id) {
  const Job* job = ledger.job(id);
  if (job == nullptr) return;
  const Wall due = ledger.due_of(*job);
  if (due == Wall{}) return;
  if (!job->has(flag_wall)) {
    delays.add({now_.mono + (due - now_.wall), due, id});
  } else if (job->get_state() == State::scheduled) {
    wall_timers.add({due, id});
  }
}

void Core::Impl::settle(Effects& effects) {
  while (!fallout.room_in.empty() || !fallout.broken.empty()) {
    end_broken(effects);
    for (std::uint32_t queue : std::exchange(fallout.room_in, {})) admit(queue, effects);
  }
  for (JobId id : fallout.scheduled) arm_due(id);
  for (JobId id : fallout.expiring) arm(id);
  fallout.scheduled.clear();
  fallout.expiring.clear();
  if (!fallout.grips.empty() || !fallout.nodes.empty() || fallout.limits || !ledger.lost_wakes.empty()) {
    keys.settle(now_, fallout);
    dispatch_wanted = true;
  }
  for (std::uint32_t queue : std::exchange(fallout.remembered, {})) {
    if (ledger.queues[queue].history.aged_at == never_wall) age_history(now_, queue);
  }
  effects.released.insert(effects.released.end(), fallout.released.begin(), fallout.released.end());
  fallout.released.clear();
  if (std::exchange(fallout.ready, false)) dispatch_wanted = true;
  for (Fallout::Ended& ended : fallout.ended) tell_ended(ended, effects);
  fallout.ended.clear();
  if (!fallout.queues_done.empty() || !fallout.batches_done.empty()) check_joins(effects);
  if (!with_outcomes.empty()) flush_outcomes(effects);
}

// After recovery. What was running stays so until its worker returns or the lease ends.
void Core::Impl::start(Now now, Effects& effects) {
  begin(now);
  fallout = Fallout{};
  record(change::Epoch{.epoch = ledger.epoch + 1}, effects);
  ledger.for_each([&](Slot, const Job& job) {
    arm_due(job.id);
    if (ledger.rare(job) != nullptr) arm(job.id);
    if (job.get_state() == State::blocked && ledger.rare(job)->waits->broken.id != 0)
      fallout.broken.push_back(job.id);
  });
  std::map<SessionId, Role> known;  // in an order that does not hang on a hash table
  for (const auto& [id, log] : ledger.logs) known[id] = Role::producer;
  for (const Holder& holder : ledger.holders) {
    if (holder.holds != 0) known[holder.session] = Role::worker;
  }
  for (const SessionId id : ledger.idle_holders()) {
    if (!known.contains(id)) ledger.forget_session(id);
  }
  for (const auto& [id, role] : known) {
    Session& session = open_session(now, id, role);
    session.role_known = false;
    session.gone_at = now.mono + (role == Role::worker ? options.lease : options.session_expiry);
    set_session_timer(session, session.gone_at);
    const auto log = ledger.logs.find(id);
    if (log == ledger.logs.end()) continue;
    for (const change::Answer& answer : log->second.answers) {
      if (!answer.parked || answer.until == never_wall) continue;
      session_timers.add({now.mono + (answer.until - now.wall), id, answer.sequence});
    }
    watch_parked(now, id);
  }
  for (const QueueState& queue : ledger.queues) {
    if (queue.parked_head != no_slot) fallout.room_in.push_back(queue.id);
    if (!queue.history.empty()) fallout.remembered.push_back(queue.id);
  }
  keys.start(now, ledger.epoch > 1);
  settle(effects);
  dispatch_wanted = true;
}

}  // namespace joinery::broker
