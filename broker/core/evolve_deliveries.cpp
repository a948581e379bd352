// Changes by which jobs are delivered, run again, and end.
#include <memory>

#include "broker/core/ledger.h"

namespace joinery::broker {
namespace {

bool finishable(State state) { return state != State::failed && state != State::parked; }

}  // namespace

bool Ledger::on(const change::Start& start, Fallout& fallout, std::uint64_t) {
  return evolve_start(start.worker, start.runs, fallout);
}

bool Ledger::evolve_start(SessionId worker, std::span<const Run> runs, Fallout& fallout) {
  std::uint32_t number = 0;
  holder(worker, number);
  for (const Run& run : runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      const Slot slot = find(id);
      if (slot == no_slot) return false;
      // A scheduled one has ripened, which is not recorded.
      const State state = jobs[slot].get_state();
      if (state != State::ready && state != State::scheduled) return false;
      start_delivery(slot, run.attempt, run.epoch, number, fallout);
    }
  }
  return true;
}

// A delivery to the holder of this number.
void Ledger::start_delivery(Slot slot, std::uint32_t attempt, std::uint32_t of_epoch, std::uint32_t number,
                            Fallout& fallout) {
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  if (job.extra != no_slot && specs[job.spec].spec.unique.until == UniqueUntil::started) free_claim(job);
  job.attempt = attempt;
  job.epoch = of_epoch;
  job.set(flag_begun);
  hold(slot, number);
  count_in(job, State::running);
}

bool Ledger::on(const change::Finish& finish, Fallout& fallout, std::uint64_t) {
  Failure why;
  why.message = finish.why;
  for (const Run& run : finish.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      const Slot slot = find(id);
      if (slot == no_slot || !finishable(jobs[slot].get_state())) return false;
      const Job& job = jobs[slot];
      const bool ghost = is_ghost(job);
      if (!ghost) count_out(job, fallout);
      detach(slot);
      if (!ghost) count_outcome(job, finish.outcome, fallout);
      finished.put(id, job.attempt, job.epoch, finish.outcome);
      tell(job, finish.outcome, finish.why.empty() ? nullptr : &why, fallout);
      if (job.has(flag_awaited)) resolve(false, id, finish.outcome == Outcome::succeeded, fallout);
      if (ghost) lay(job, fallout);
      remember(job, finish.outcome, finish.at, finish.why, fallout);
      forget(slot, fallout);
    }
  }
  return true;
}

bool Ledger::on(const change::Requeue& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.token.job);
  if (slot == no_slot || jobs[slot].get_state() != State::running) return false;
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  let_go(job, true, change.lost || change.kind == Report::Kind::crashed, fallout);
  job.clear(flag_cancelling);
  if (change.lost || change.kind != Report::Kind::released) {
    Rare& rare = need_rare(job);
    const bool crashed = change.kind == Report::Kind::crashed;
    ++(change.lost ? rare.losses : crashed ? rare.crashes : rare.failures);
    rare.failure = std::make_unique<Failure>(change.failure);
  }
  if (change.due == Wall{}) {
    enqueue(slot, true);
    fallout.ready = true;
  } else {
    job.clear(flag_wall);
    schedule(slot, change.due, fallout);
  }
  count_in(job, job.get_state());
  return true;
}

bool Ledger::on(const change::Bury& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.token.job);
  if (slot == no_slot || jobs[slot].get_state() != State::running) return false;
  Job& job = jobs[slot];
  count_out(job, fallout);
  detach(slot);
  const bool crashed = change.failure.code == Code::process_died;
  const bool lost = change.failure.code == Code::worker_lost;
  let_go(job, false, crashed || lost, fallout);
  job.clear(flag_cancelling);
  job.set_state(State::failed);
  Rare& rare = need_rare(job);
  ++(lost ? rare.losses : crashed ? rare.crashes : rare.failures);
  rare.failure = std::make_unique<Failure>(change.failure);
  rare.due = change.at;
  dead.insert(job.id);
  if (specs[job.spec].spec.unique.until != UniqueUntil::succeeded) free_claim(job);
  count_outcome(job, Outcome::failed, fallout);
  finished.put(job.id, job.attempt, job.epoch, Outcome::failed);
  tell(job, Outcome::failed, rare.failure.get(), fallout);
  job.clear(flag_watched);
  if (job.has(flag_awaited)) resolve(false, job.id, false, fallout);
  job.clear(flag_awaited);
  return true;
}

bool Ledger::on(const change::Revive& change, Fallout& fallout, std::uint64_t) {
  const Slot slot = find(change.job);
  if (slot == no_slot || jobs[slot].get_state() != State::failed) return false;
  Job& job = jobs[slot];
  Rare& rare = need_rare(job);
  rare.failures = rare.crashes = rare.losses = 0;
  rare.expires = rare.deadline = never_wall;
  rare.due = Wall{};
  dead.erase(job.id);
  count_out(job, fallout);
  finished.erase(job.id);
  job.clear(flag_begun);
  enqueue(slot, false);
  count_in(job, State::ready);
  fallout.ready = true;
  return true;
}

bool Ledger::on(const change::Drop& change, Fallout& fallout, std::uint64_t) {
  for (JobId id = change.first; id < change.first + change.count; ++id) {
    const Slot slot = find(id);
    if (slot == no_slot) return false;
    const Job& job = jobs[slot];
    if (job.get_state() == State::parked) {
      count_out(job, fallout);
      detach(slot);
      if (job.has(flag_awaited)) resolve(false, id, false, fallout);
      if (job.has(flag_watched)) {  // by others: whoever put it gets another answer
        fallout.ended.push_back({{.job = id, .token = {}, .failure = {}, .known = false}});
      }
      if (BatchState* batch = find_batch(job.batch)) settled(*batch, fallout);
    } else if (job.get_state() == State::failed) {  // stays counted as failed
      dead.erase(id);
      remember(job, Outcome::failed, change.at, {}, fallout);
    } else {
      return false;
    }
    forget(slot, fallout);
  }
  return true;
}

bool Ledger::on(const change::Cancelling& change, Fallout&, std::uint64_t) {
  for (const Run& run : change.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      Job* running = job(id);
      if (running == nullptr || running->get_state() != State::running) return false;
      running->set(flag_cancelling);
    }
  }
  return true;
}

}  // namespace joinery::broker
