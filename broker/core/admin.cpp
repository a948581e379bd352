// Verbs on queues, batches and jobs.
#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

void Core::Impl::on(Now now, const Admin& command, Effects& effects) {
  if (require(command.session, command.sequence, effects) == nullptr) return;
  if (repeated(command.session, command.sequence, effects)) return;
  const auto number = std::visit([&](const auto& one) { return verb(now, one, effects); }, command.verb);
  if (!number) return refuse(command.session, command.sequence, number.error(), effects);
  const change::Answer done{.session = command.session,
                            .sequence = command.sequence,
                            .confirmed = command.confirmed,
                            .groups = {},
                            .number = *number};
  record(done, effects);
  answer(done, effects);
}

Result<std::uint32_t> Core::Impl::known_queue(const std::string& name) const {
  if (const std::uint32_t id = ledger.find_queue(name); id != 0) return id;
  return fail(Code::unknown_queue, fmt::format("there is no queue {}", name), "queue");
}

void Core::Impl::change_queue(std::uint32_t id, const std::function<void(change::Queue&)>& edit,
                              Effects& effects) {
  const QueueState& queue = ledger.queues[id];
  change::Queue change{queue.id,        queue.name,         queue.options,     queue.paused,
                       queue.paused_by, queue.pause_reason, queue.paused_since};
  edit(change);
  record(std::move(change), effects);
}

bool Core::Impl::any_dead(std::uint32_t queue) const {
  bool any = false;
  ledger.for_each([&](Slot, const Job& job) {
    any = any || (job.get_state() == State::failed && ledger.queue_of(job).id == queue);
  });
  return any;
}

Result<std::uint64_t> Core::Impl::verb(Now, const Configure& verb, Effects& effects) {
  if (auto name = validate_name(verb.queue, "queue"); !name) return std::unexpected(name.error());
  if (auto valid = validate(verb.options.defaults); !valid) return std::unexpected(valid.error());
  const std::uint32_t known = ledger.find_queue(verb.queue);
  if (known != 0 && ledger.queues[known].options.mode != verb.options.mode) {
    const Counts& counts = ledger.queues[known].counts;
    // The jobs lie in lines that fit the mode; dead letters count too, as they may be retried.
    if (counts.unfinished() + counts.parked != 0 || any_dead(known)) {
      return fail(Code::invalid_state,
                  fmt::format("queue {} has jobs; its mode can be changed when it is empty", verb.queue),
                  "mode");
    }
  }
  const std::uint32_t id = need_queue(verb.queue, effects);
  const bool fair = ledger.queues[id].options.fair;
  change_queue(
      id, [&](change::Queue& queue) { queue.options = verb.options; }, effects);
  if (verb.options.fair != fair) keys.fair_changed(id);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Pause& verb, Effects& effects) {
  const auto id = known_queue(verb.queue);
  if (!id) return std::unexpected(id.error());
  change_queue(
      *id,
      [&](change::Queue& queue) {
        queue.paused = true;
        queue.paused_by = verb.who;
        queue.pause_reason = verb.why;
        queue.paused_since = now.wall;
      },
      effects);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now, const Resume& verb, Effects& effects) {
  const auto id = known_queue(verb.queue);
  if (!id) return std::unexpected(id.error());
  change_queue(
      *id,
      [&](change::Queue& queue) {
        queue.paused = false;
        queue.paused_by.clear();
        queue.pause_reason.clear();
        queue.paused_since = Wall{};
      },
      effects);
  return 1;
}

std::unexpected<Error> Core::Impl::unknown_job(JobId id) {
  return fail(Code::unknown_job, fmt::format("there is no job {}, or it was forgotten", id), "jobs");
}

std::unexpected<Error> Core::Impl::ended_already(JobId id, std::string_view expected) const {
  const auto ended = outcome_of(id);
  return fail(Code::invalid_state,
              fmt::format("job {} has ended ({}), expected {}", id,
                          word(ended ? ended->outcome : Outcome::failed), expected),
              "jobs");
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Cancel& verb, Effects& effects) {
  const Target& target = verb.target;
  if (!target.jobs.empty()) {
    bool any_unfinished = false;
    for (JobId id : target.jobs) {
      const Job* job = ledger.job(id);
      if (job == nullptr && !outcome_of(id)) return unknown_job(id);
      any_unfinished =
          any_unfinished || (job != nullptr && job->get_state() != State::failed && !ledger.is_ghost(*job));
    }
    // One that ends before its cancellation arrives is no mistake, if there is something else to cancel.
    if (!any_unfinished) return ended_already(target.jobs.front(), "one that has not ended");
    return cancel(now, target.jobs, verb.grace, effects, verb.who.empty() ? "" : "by " + verb.who);
  }
  std::uint32_t queue = 0;
  if (!target.queue.empty()) {
    const auto known = known_queue(target.queue);
    if (!known) return std::unexpected(known.error());
    queue = *known;
  } else if (ledger.find_batch(target.batch) == nullptr) {
    return fail(Code::unknown_batch, fmt::format("there is no batch {}", target.batch), "batch");
  } else {
    return cancel_batch(now, target.batch, verb.grace, effects);
  }
  std::vector<JobId> jobs;
  ledger.for_each([&](Slot, const Job& job) {
    if (ledger.queue_of(job).id == queue) jobs.push_back(job.id);
  });
  return cancel(now, jobs, verb.grace, effects);
}

// Those that wait end at once; those that run are told, and end when their worker says so. Returns how many.
// `why` costs each of them a place in the history.
std::uint64_t Core::Impl::cancel(Now now, const std::vector<JobId>& jobs, Duration grace, Effects& effects,
                                 const std::string& why) {
  std::vector<JobId> waiting;
  std::vector<JobId> parked;
  std::map<SessionId, std::vector<Token>> running;
  change::Cancelling cancelling;
  std::set<JobId> seen;
  for (JobId id : jobs) {
    Job* job = ledger.job(id);
    if (job == nullptr || job->get_state() == State::failed || !seen.insert(id).second) continue;
    if (ledger.is_ghost(*job)) continue;
    if (job->get_state() == State::parked) parked.push_back(id);
    if (job->get_state() != State::running) {
      waiting.push_back(id);
    } else if (!job->has(flag_cancelling)) {
      cancelling.runs.push_back({id, 1, job->attempt, job->epoch});
      if (!why.empty()) note_cancelled(id, why);
      running[ledger.holders[job->order_or_holder].session].push_back(job->token());
    }
  }
  std::ranges::sort(parked);
  admit_jobs(parked, effects);  // their put is accepted, so that they are accounted for
  const std::uint64_t number = waiting.size() + cancelling.runs.size();
  end(now, Outcome::cancelled, std::move(waiting), effects, why);
  if (!cancelling.runs.empty()) record(std::move(cancelling), effects);
  for (auto& [session, tokens] : running) {
    effects.effects.push_back(effect::Revoke{session, std::move(tokens), Code::cancelled, grace});
  }
  return number;
}

// Those that ended in another way meanwhile are forgotten when there are many.
void Core::Impl::note_cancelled(JobId id, const std::string& why) {
  constexpr std::size_t many = 1024;
  if (cancelled_why_.size() >= many) {
    std::erase_if(cancelled_why_, [&](const auto& noted) {
      const Job* job = ledger.job(noted.first);
      return job == nullptr || !job->has(flag_cancelling);
    });
  }
  cancelled_why_[id] = why;
}

Result<std::vector<JobId>> Core::Impl::dead_letters(std::vector<JobId> jobs) const {
  for (JobId id : jobs) {
    const Job* job = ledger.job(id);
    if (job == nullptr && outcome_of(id)) return ended_already(id, "a dead letter (failed)");
    if (job == nullptr) return unknown_job(id);
    if (job->get_state() != State::failed) {
      return fail(Code::invalid_state,
                  fmt::format("job {} is {}, expected a dead letter (failed)", id, word(job->get_state())),
                  "jobs");
    }
  }
  std::ranges::sort(jobs);
  jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
  return jobs;
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Retry& verb, Effects& effects) {
  const auto dead = dead_letters(verb.jobs);
  if (!dead) return std::unexpected(dead.error());
  for (JobId id : *dead) {
    if (cancelled(ledger.job(id)->batch))
      return fail(Code::invalid_state, fmt::format("the batch of job {} was cancelled", id), "jobs");
  }
  for (JobId id : *dead) record(change::Revive{id, now.wall}, effects);
  return dead->size();
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Delete& verb, Effects& effects) {
  const auto dead = dead_letters(verb.jobs);
  if (!dead) return std::unexpected(dead.error());
  for (JobId id : *dead) record(change::Drop{id, 1, now.wall}, effects);
  return dead->size();
}

Result<std::uint64_t> Core::Impl::verb(Now, const SetLimit& verb, Effects& effects) {
  if (auto valid = validate(verb.limit); !valid) return std::unexpected(valid.error());
  record(change::SetLimit{verb.limit}, effects);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now, const DeleteLimit& verb, Effects& effects) {
  if (!ledger.limits.contains(verb.pattern)) {
    if (keys.declared(verb.pattern) == nullptr)
      return fail(Code::unknown_limit, fmt::format("no limit is set for '{}'", verb.pattern), "pattern");
    return fail(Code::invalid_state,
                fmt::format("the limit for {} is declared in the broker's configuration; change it there",
                            verb.pattern),
                "pattern");
  }
  record(change::SetLimit{{.pattern = verb.pattern}, true}, effects);
  return 1;
}

Result<std::uint64_t> Core::Impl::verb(Now, const Refuse& verb, Effects&) {
  return std::unexpected(verb.why);
}

void Core::Impl::on(Now now, const HoldKey& command, Effects& effects) {
  const Job* job = ledger.job(command.token.job);
  if (job == nullptr || job->get_state() != State::running || !job->is(command.token)) return;
  if (!validate_key(command.node, "key")) return;
  change::HoldKey held{.node = command.node, .at = now.wall};
  if (const auto known = ledger.held_nodes.find(command.node); known != ledger.held_nodes.end()) {
    held.interval_ms = known->second.interval_ms;
    held.until = known->second.until;
  }
  if (command.interval_ms) held.interval_ms = std::min(*command.interval_ms, limits::limit_time_max_ms);
  if (command.until) held.until = *command.until;
  record(std::move(held), effects);
}

}  // namespace joinery::broker
