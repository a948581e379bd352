// Who waits for what: joins on queues, batches and jobs, and watches of single outcomes.
#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {

void Core::Impl::on(Now, const Join& command, Effects& effects) {
  if (require(command.session, command.request, effects) == nullptr) return;
  const Waiter waiter{command.session, command.request};
  const auto add = [&](std::vector<Waiter>& waiters) {
    if (std::ranges::find(waiters, waiter) == waiters.end()) waiters.push_back(waiter);  // asked again
  };
  const Target& target = command.target;
  const auto refused = [&](Code code, std::string message, const char* field) {
    refuse(command.session, command.request, {code, std::move(message), field}, effects);
  };
  if (!target.queue.empty()) {
    const std::uint32_t id = ledger.find_queue(target.queue);
    if (id == 0)
      return refused(Code::unknown_queue, fmt::format("there is no queue {}", target.queue), "queue");
    add(queue_joins[id]);
    fallout.queues_done.push_back(id);
  } else if (target.batch != 0) {
    if (ledger.find_batch(target.batch) == nullptr) {
      return refused(Code::unknown_batch, fmt::format("there is no batch {}", target.batch), "batch");
    }
    add(batch_joins[target.batch]);
    fallout.batches_done.push_back(target.batch);
  } else if (!target.jobs.empty()) {
    join_jobs(command, effects);
  } else {
    refused(Code::invalid_argument, "target is empty, expected queue, batch or jobs", "target");
  }
}

void Core::Impl::join_jobs(const Join& command, Effects& effects) {
  for (JobId id : command.target.jobs) {
    if (id != 0 && id < ledger.next_job) continue;
    const Error error{Code::unknown_job, fmt::format("there is no job {}", id), "jobs"};
    return refuse(command.session, command.request, error, effects);
  }
  const Waiter waiter{command.session, command.request};
  for (const auto& [_, known] : jobs_joins) {
    if (known.waiter == waiter) return;  // asked again
  }
  const std::uint64_t number = next_join++;
  JobsJoin& join = jobs_joins[number];
  join.waiter = waiter;
  for (JobId id : command.target.jobs) {
    Job* job = ledger.job(id);
    if (job == nullptr || job->get_state() == State::failed) {
      if (const auto known = outcome_of(id)) ++counter(join.counts, known->outcome);
      continue;  // else it finished so long ago that its outcome is forgotten
    }
    job->set(flag_watched);
    watches[id].push_back({command.session, command.request, number});
    ++join.left;
  }
  if (join.left != 0) return;
  tell_joined(waiter, join.counts, true, effects);
  jobs_joins.erase(number);
}

void Core::Impl::on(Now, const Watch& command, Effects& effects) {
  Session* watcher = require(command.session, command.request, effects);
  if (watcher == nullptr) return;
  for (JobId id : command.jobs) {
    Job* job = ledger.job(id);
    if (job == nullptr || job->get_state() == State::failed) {
      auto known = outcome_of(id);
      watcher->outcomes_durable = watcher->outcomes_durable || known.has_value();
      watcher->outcomes.push_back(
          known ? std::move(*known)
                : effect::JobOutcome{.job = id, .token = {}, .failure = {}, .known = false});
      continue;
    }
    job->set(flag_watched);
    auto& watching = watches[id];
    const bool again = std::ranges::any_of(
        watching, [&](const JobWatch& watch) { return watch.session == command.session && watch.join == 0; });
    if (!again) watching.push_back({command.session, command.request, 0});
  }
  if (!watcher->outcomes.empty()) with_outcomes.push_back(command.session);
}

void Core::Impl::on(Now now, const Forget& command, Effects& effects) {
  if (require(command.session, command.request, effects) == nullptr) return;
  const Waiter waiter{command.session, command.request};
  for (auto& [_, waiters] : queue_joins) std::erase(waiters, waiter);
  for (auto& [_, waiters] : batch_joins) std::erase(waiters, waiter);
  const auto mine = [&](const JobWatch& watch) { return Waiter{watch.session, watch.request} == waiter; };
  for (auto watching = watches.begin(); watching != watches.end();) {
    std::erase_if(watching->second, mine);
    watching = watching->second.empty() ? watches.erase(watching) : std::next(watching);
  }
  std::erase_if(jobs_joins, [&](const auto& entry) { return entry.second.waiter == waiter; });
  const Error why{Code::queue_full, "the put was given up before there was room", {}};
  give_up_parked(now, command.session, command.request, why, effects);
}

void Core::Impl::watch_groups(SessionId session, const std::vector<GroupAnswer>& groups) {
  for (const GroupAnswer& group : groups) {
    if (group.put()) watch_jobs(session, group.first, group.count);
  }
}

void Core::Impl::watch_jobs(SessionId session, JobId first, std::uint32_t count) {
  std::uint32_t left = 0;
  for (JobId id = first; id < first + count && id < ledger.next_job; ++id) {
    Job* job = ledger.job(id);
    if (job == nullptr || job->get_state() == State::failed) continue;
    job->set(flag_watched);
    ++left;
  }
  if (left != 0) watch_ranges[first] = {count, left, session};
}

// The job has its outcome. Returns whom its range of jobs belongs to.
std::optional<SessionId> Core::Impl::leave_range(JobId id) {
  auto range = watch_ranges.upper_bound(id);
  if (range == watch_ranges.begin()) return std::nullopt;
  --range;
  if (id >= range->first + range->second.count) return std::nullopt;
  const SessionId session = range->second.session;
  if (--range->second.left == 0) watch_ranges.erase(range);
  return session;
}

// The outcome of a finished job that is still remembered, or of a dead letter.
std::optional<effect::JobOutcome> Core::Impl::outcome_of(JobId id) const {
  const FinishedRing::Entry* entry = ledger.finished.find(id);
  const Job* job = ledger.job(id);
  if (entry == nullptr && job == nullptr) return std::nullopt;
  effect::JobOutcome outcome{.job = id, .outcome = Outcome::failed, .token = {}, .failure = {}};
  if (job != nullptr) {
    outcome.token = job->token();
    if (ledger.is_ghost(*job)) outcome.outcome = Outcome::cancelled;
    const Rare* rare = ledger.rare(*job);
    if (rare != nullptr && rare->failure) outcome.failure = *rare->failure;
    return outcome;
  }
  outcome.outcome = entry->outcome;
  outcome.token = {id, entry->attempt, entry->epoch};
  if (entry->outcome == Outcome::succeeded) outcome.failure.code = Code::ok;
  if (entry->outcome == Outcome::cancelled) outcome.failure.code = Code::cancelled;
  if (entry->outcome == Outcome::expired) outcome.failure.code = Code::expired;
  return outcome;
}

void Core::Impl::tell_ended(Fallout::Ended& ended, Effects& effects) {
  const JobId id = ended.outcome.job;
  if (const auto submitter = leave_range(id)) tell_session(*submitter, ended);
  const auto watching = watches.find(id);
  if (watching == watches.end()) return;
  for (const JobWatch& watch : watching->second) {
    if (watch.join == 0) {
      tell_session(watch.session, ended);
    } else if (const auto join = jobs_joins.find(watch.join); join != jobs_joins.end()) {
      if (ended.outcome.known) ++counter(join->second.counts, ended.outcome.outcome);
      if (--join->second.left != 0) continue;
      tell_joined(join->second.waiter, join->second.counts, true, effects);
      jobs_joins.erase(join);
    }
  }
  watches.erase(watching);
}

void Core::Impl::tell_session(SessionId id, const Fallout::Ended& ended) {
  // Of a session that is away at most so many are kept; it can watch again.
  constexpr std::size_t away_max = 100'000;
  Session* told = session(id);
  if (told == nullptr || (!told->connected && told->outcomes.size() >= away_max)) return;
  if (told->outcomes.empty()) with_outcomes.push_back(id);
  told->outcomes.push_back(ended.outcome);
  told->outcomes_durable = told->outcomes_durable || ended.level == Durability::sync;
}

// One who is away asks again on return.
void Core::Impl::tell_joined(const Waiter& waiter, const Counts& counts, bool durable, Effects& effects) {
  const Session* told = session(waiter.session);
  if (told == nullptr || !told->connected) return;
  effects.effects.push_back(effect::Joined{waiter.session, waiter.request, counts, durable});
}

// Only after the whole command: its children may have come in before its finish, or after.
void Core::Impl::check_joins(Effects& effects) {
  for (std::uint32_t id : std::exchange(fallout.queues_done, {})) {
    const QueueState& queue = ledger.queues[id];
    const auto joins = queue_joins.find(id);
    if (joins == queue_joins.end() || queue.counts.unfinished() != 0) continue;
    const bool durable = queue.options.durability == Durability::sync;
    for (const Waiter& waiter : joins->second) tell_joined(waiter, queue.counts, durable, effects);
    queue_joins.erase(joins);
  }
  for (std::uint32_t id : std::exchange(fallout.batches_done, {})) {
    const BatchState* batch = ledger.find_batch(id);
    const auto joins = batch_joins.find(id);
    if (joins == batch_joins.end() || (batch != nullptr && !batch->finished())) continue;
    for (const Waiter& waiter : joins->second)
      tell_joined(waiter, batch == nullptr ? Counts{} : batch->all(), true, effects);
    batch_joins.erase(joins);
  }
}

void Core::Impl::flush_outcomes(Effects& effects) {
  for (SessionId id : std::exchange(with_outcomes, {})) {
    Session* told = session(id);
    if (told == nullptr || !told->connected || told->outcomes.empty()) continue;
    effects.effects.push_back(effect::Outcomes{id, std::exchange(told->outcomes, {}),
                                               std::exchange(told->outcomes_durable, false)});
  }
}

}  // namespace joinery::broker
