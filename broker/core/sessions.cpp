// Sessions come, go silent, return and are lost; a worker's deliveries with it.
#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

Session* Core::Impl::session(SessionId id) {
  const auto found = sessions.find(id);
  return found == sessions.end() ? nullptr : &found->second;
}

Session* Core::Impl::require(SessionId id, std::uint64_t request, Effects& effects) {
  Session* known = session(id);
  if (known == nullptr) {
    refuse(id, request, {Code::no_session, "the session is not known, or has expired; say hello first", {}},
           effects);
    return nullptr;
  }
  known->last_heard = now_.mono;
  return known;
}

Session* Core::Impl::require_worker(SessionId id, std::uint64_t request, Effects& effects) {
  Session* known = require(id, request, effects);
  if (known == nullptr || known->role == Role::worker) return known;
  refuse(id, request, {Code::wrong_role, "only a worker may send this", {}}, effects);
  return nullptr;
}

Session& Core::Impl::open_session(Now now, SessionId id, Role role) {
  Session& fresh = sessions[id];
  fresh.id = id;
  fresh.role = role;
  fresh.last_heard = now.mono;
  if (role == Role::worker) workers.push_back(id);
  return fresh;
}

void Core::Impl::on(Now now, const Connect& command, Effects& effects) {
  Session* known = session(command.session);
  // A session that is known only from the journal takes the role with which it returns.
  if (known != nullptr && !known->role_known) {
    known->role_known = true;
    if (known->role != Role::worker && command.role == Role::worker) workers.push_back(known->id);
    if (known->role == Role::worker && command.role != Role::worker) std::erase(workers, known->id);
    known->role = command.role;
  }
  if (known != nullptr && known->role != command.role) {
    const char* message = "the session was opened with another role";
    return refuse(command.session, 0, {Code::wrong_role, message, "role"}, effects);
  }
  const bool resumed = known != nullptr;
  Session& opened = resumed ? *known : open_session(now, command.session, command.role);
  opened.connected = true;
  opened.last_heard = now.mono;
  opened.gone_at = now.mono + (command.role == Role::worker ? options.lease : options.session_expiry);
  set_session_timer(opened, opened.gone_at);
  const auto log = ledger.logs.find(command.session);
  const std::uint64_t last_sequence = log == ledger.logs.end() ? 0 : log->second.last_sequence;
  effects.effects.push_back(effect::Welcome{command.session, resumed, last_sequence});
  if (command.role == Role::worker) {
    describe_worker(opened, command.worker);
    compare_held(opened, command.held, effects);
    dispatch_wanted = true;
  }
  if (!opened.outcomes.empty()) with_outcomes.push_back(opened.id);
}

void Core::Impl::describe_worker(Session& worker, const WorkerInfo& info) {
  serving.remove(worker);
  worker.info = info;
  serving.add(worker, ledger);
  // So that the first one begins.
  worker.turn = worker.queues.empty() ? 0 : static_cast<std::uint32_t>(worker.queues.size() - 1);
  worker.turn_left = 0;
  worker.handlers.clear();
  worker.any_handler = std::ranges::find(info.handlers, "*") != info.handlers.end();
  for (const std::string& name : info.handlers) {
    const std::uint32_t number = ledger.handlers.add(name);  // never given back: workers name few
    if (number >= worker.handlers.size()) worker.handlers.resize(number + 1);
    worker.handlers[number] = true;
  }
}

// What both sides say stays; what only the worker holds is revoked; what only the core thinks it holds was
// lost on its way and runs again.
void Core::Impl::compare_held(Session& worker, std::span<const Token> held, Effects& effects) {
  std::uint32_t number = 0;
  Holder& holder = ledger.holder(worker.id, number);
  effect::Revoke stale{worker.id, {}, Code::stale_delivery, Duration{}};
  effect::Revoke cancelled{worker.id, {}, Code::cancelled, std::nullopt};
  std::set<JobId> agreed;
  for (const Token& token : held) {
    const Job* job = ledger.job(token.job);
    if (job == nullptr || job->get_state() != State::running || !job->is(token) ||
        job->order_or_holder != number) {
      stale.tokens.push_back(token);
      continue;
    }
    agreed.insert(token.job);
    if (job->has(flag_cancelling)) cancelled.tokens.push_back(token);
  }
  std::vector<JobId> missing;
  for (Slot slot = holder.head; slot != no_slot; slot = ledger.jobs[slot].next) {
    if (!agreed.contains(ledger.jobs[slot].id)) missing.push_back(ledger.jobs[slot].id);
  }
  std::ranges::sort(missing, std::greater{});
  for (JobId id : missing) {
    const Job& job = *ledger.job(id);
    if (job.has(flag_cancelling)) {
      end_stopped(now_, job, effects);
    } else {
      record(change::Requeue{.token = job.token(), .failure = {}}, effects);
    }
  }
  if (!stale.tokens.empty()) effects.effects.push_back(std::move(stale));
  if (!cancelled.tokens.empty()) effects.effects.push_back(std::move(cancelled));
}

void Core::Impl::on(Now now, const Disconnect& command, Effects& effects) {
  Session* known = session(command.session);
  if (known == nullptr) return;
  if (command.goodbye) return lose(now, *known, true, effects);
  known->connected = false;
  known->gone_at =
      now.mono + (known->role == Role::worker ? options.reconnect_grace : options.session_expiry);
  set_session_timer(*known, known->gone_at);
  watch_parked(now, known->id);
}

// A program that was killed while its put waited for room shall not find it accepted minutes later.
void Core::Impl::watch_parked(Now now, SessionId id) {
  const auto log = ledger.logs.find(id);
  if (log == ledger.logs.end()) return;
  for (const change::Answer& answer : log->second.answers) {
    if (answer.parked) session_timers.add({now.mono + options.lease, id, answer.sequence, true});
  }
}

void Core::Impl::withdraw_abandoned(Now now, SessionId id, std::uint64_t sequence, Effects& effects) {
  const Session* known = session(id);
  if (known == nullptr || known->connected || now.mono - known->last_heard < options.lease) return;
  const Error why{Code::queue_full, "the sender was away, and the put was given up before there was room",
                  "queue"};
  give_up_parked(now, id, sequence, why, effects);
}

void Core::Impl::on(Now, const Capacity& command, Effects& effects) {
  Session* worker = require_worker(command.session, 0, effects);
  if (worker == nullptr) return;
  worker->info.capacity = command.deliveries;
  dispatch_wanted = true;
}

// One timer per session is enough: when it fires too early, it is set again.
void Core::Impl::set_session_timer(Session& session, Mono at) {
  if (at >= session.timer_at) return;
  session.timer_at = at;
  session_timers.add({at, session.id});
}

void Core::Impl::check_session(Now now, SessionId id, Effects& effects) {
  Session* known = session(id);
  if (known == nullptr || known->timer_at > now.mono) return;
  known->timer_at = never_mono;
  if (known->connected) {
    known->gone_at =
        known->last_heard + (known->role == Role::worker ? options.lease : options.session_expiry);
  }
  if (known->gone_at > now.mono) return set_session_timer(*known, known->gone_at);
  lose(now, *known, false, effects);
}

void Core::Impl::lose(Now now, Session& session, bool goodbye, Effects& effects) {
  const SessionId id = session.id;
  if (session.role == Role::worker) {
    take_back(now, id, !goodbye, effects);
    serving.remove(session);
    std::erase(workers, id);
  }
  if (const auto log = ledger.logs.find(id); log != ledger.logs.end()) {
    std::vector<std::uint64_t> parked;
    for (const change::Answer& answer : log->second.answers) {
      if (answer.parked) parked.push_back(answer.sequence);
    }
    const Error why{Code::no_session, "the session ended before there was room", {}};
    for (std::uint64_t sequence : parked) give_up_parked(now, id, sequence, why, effects);
  }
  ledger.forget_session(id);
  sessions.erase(id);
  effects.effects.push_back(effect::Gone{id});
}

// The jobs that a worker holds run again, the oldest first.
void Core::Impl::take_back(Now now, SessionId worker, bool lost, Effects& effects) {
  std::uint32_t number = 0;
  std::vector<JobId> held;
  for (Slot slot = ledger.holder(worker, number).head; slot != no_slot; slot = ledger.jobs[slot].next) {
    held.push_back(ledger.jobs[slot].id);
  }
  std::ranges::sort(held, std::greater{});
  const std::string name = sessions[worker].info.name;
  const Failure failure{
      Code::worker_lost, "worker lost", "the worker was lost while it held the job", name, {}};
  for (JobId id : held) {
    const Job& job = *ledger.job(id);
    const Rare* rare = ledger.rare(job);
    const std::uint32_t losses = rare == nullptr ? 0 : rare->losses;
    if (job.has(flag_cancelling)) {
      end_stopped(now, job, effects);
    } else if (lost && losses + 1 >= options.lost_attempts) {
      bury(now, job, failure, effects);
    } else {
      record(change::Requeue{.token = job.token(), .lost = lost, .failure = lost ? failure : Failure{}},
             effects);
    }
  }
}

}  // namespace joinery::broker
