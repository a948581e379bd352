// Jobs come in: checks, puts, answers that can be asked for again, and parked puts.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/core/impl.h"

namespace joinery::broker {

void Core::Impl::on(Now now, const Submit& command, Effects& effects) {
  if (require(command.session, command.sequence, effects) == nullptr) return;
  if (repeated(command.session, command.sequence, effects)) return;
  const auto refused = [&](Code code, std::string message) {
    refuse(command.session, command.sequence, {code, std::move(message), {}}, effects);
  };
  if (command.groups.empty())
    return refused(Code::invalid_argument, "groups is empty, expected at least one");
  if (refuse_puts != Code::ok) return refused(refuse_puts, std::string(meaning(refuse_puts)));
  if (command.under.job != 0) {
    const Job* parent = ledger.job(command.under.job);
    const bool current =
        parent != nullptr && parent->get_state() == State::running && parent->is(command.under);
    if (!current) return refused(Code::stale_delivery, "the delivery that submits this has ended");
  }
  change::Answer answered{.session = command.session,
                          .sequence = command.sequence,
                          .confirmed = command.confirmed,
                          .groups = {},
                          .watch = command.watch};
  if (command.flow) {
    const Result<BatchId> batch = put_flow(now, command, answered.groups, effects);
    if (!batch) return refuse(command.session, command.sequence, batch.error(), effects);
    answered.number = *batch;
  } else {
    answered.parked = put_groups(now, command, answered.groups, effects);
  }
  if (answered.parked && command.park_timeout) {
    answered.until = now.wall + *command.park_timeout;
    session_timers.add({now.mono + *command.park_timeout, command.session, command.sequence});
  }
  record(answered, effects);
  if (command.watch) {
    watch_groups(command.session, answered.groups);
    for (const GroupAnswer& group : answered.groups) {
      if (group.existing) on(now, Watch{command.session, command.sequence, {&group.first, 1}}, effects);
    }
  }
  if (!answered.parked) return answer(answered, effects);
  // Whatever there is room for goes in at once; that may be all of another group.
  for (const GroupAnswer& group : answered.groups) {
    if (group.put()) admit(ledger.queue_of(*ledger.job(group.first)).id, effects);
  }
}

// Each group by itself; those before it are known to the next one. Whether some wait for room.
bool Core::Impl::put_groups(Now now, const Submit& command, std::vector<GroupAnswer>& answers,
                            Effects& effects) {
  bool parked = false;
  std::vector<JobId> frame;  // ids of its jobs so far; 0: refused
  for (std::uint32_t i = 0; i < command.groups.size(); ++i) {
    const GroupAnswer& one =
        answers.emplace_back(put_group(now, command, command.groups[i], i, frame, parked, effects));
    if (i + 1 == command.groups.size()) break;
    for (std::size_t job = 0; job < command.groups[i].sizes.size(); ++job)
      frame.push_back(one.error ? 0 : one.first + job);
  }
  return parked;
}

// Whether the request was applied before; if so, it gets the answer that it got. One that is still parked
// gets it later.
bool Core::Impl::repeated(SessionId id, std::uint64_t sequence, Effects& effects) {
  const auto log = ledger.logs.find(id);
  if (log == ledger.logs.end() || sequence > log->second.last_sequence) return false;
  const change::Answer* known = log->second.find(sequence);
  if (known == nullptr) {
    refuse(id, sequence,
           {Code::invalid_argument,
            fmt::format("sequence is {}, which was confirmed or passed over; expected more than {}", sequence,
                        log->second.last_sequence),
            "sequence"},
           effects);
  } else if (!known->parked) {
    answer(*known, effects);
  }
  return true;
}

void Core::Impl::answer(const change::Answer& answer, Effects& effects) {
  if (answer.groups.empty()) {
    effects.effects.push_back(effect::Done{answer.session, answer.sequence, answer.number});
    return;
  }
  const bool durable = std::ranges::any_of(answer.groups, [](const GroupAnswer& group) {
    return !group.error && group.level == Durability::sync;
  });
  effects.effects.push_back(
      effect::Accepted{answer.session, answer.sequence, answer.groups, durable, answer.number});
}

GroupAnswer Core::Impl::put_group(Now now, const Submit& submit, const PutGroup& asked, std::uint32_t index,
                                  std::span<const JobId> frame, bool& parked, Effects& effects) {
  PutGroup group = asked;
  if (submit.under.job != 0) {
    if (group.parent == 0) group.parent = submit.under.job;
    if (group.batch == 0) group.batch = ledger.job(submit.under.job)->batch;
  }
  if (auto error = check_submitted(group)) return {.error = std::move(error)};
  if (auto error = check_times(now, group)) return {.error = std::move(error)};
  if (auto error = resolve_after(group, frame, ledger.next_job)) return {.error = std::move(error)};
  const std::uint32_t id = need_queue(group.queue, effects);
  const QueueState& queue = ledger.queues[id];
  const Result<JobId> existing = settle_conflicts(now, group, id, effects);
  if (!existing) return {.error = existing.error()};
  if (*existing != 0) {
    return {.first = *existing, .count = 1, .level = queue.options.durability, .error = {}, .existing = true};
  }
  std::optional<Error> full = check_room(id, queue.name, group.sizes.size());
  if (full && submit.when_full == WhenFull::refuse) return {.error = std::move(full)};
  parked = parked || full;
  return {.first = put(now, group, id, index, full.has_value(), effects),
          .count = static_cast<std::uint32_t>(group.sizes.size()),
          .level = queue.options.durability,
          .error = {},
          .no_handler = !has_worker(id, ledger.specs[group.spec].handler)};
}

JobId Core::Impl::put(Now now, const PutGroup& group, std::uint32_t queue, std::uint32_t index, bool parked,
                      Effects& effects) {
  change::Put put{.first = ledger.next_job,
                  .count = static_cast<std::uint32_t>(group.sizes.size()),
                  .queue = queue,
                  .spec = group.spec,
                  .batch = group.batch,
                  .parent = group.parent,
                  .parked = parked,
                  .at = now.wall,
                  .group = index,
                  .sizes = group.sizes,
                  .columns = group.columns,
                  .due = {}};
  const Columns* columns = group.columns;
  if (columns != nullptr && !(columns->delay_ms.empty() && columns->run_at_ms.empty())) {
    std::vector<Wall>& due = due_buffers_.emplace_back(put.count);
    for (std::size_t i = 0; i < put.count; ++i) {
      if (!columns->delay_ms.empty() && columns->delay_ms[i] != 0) {
        due[i] = now.wall + std::chrono::milliseconds(columns->delay_ms[i]);
      }
      if (columns->run_at_ms.empty()) continue;
      due[i] = std::max(due[i], Wall(std::chrono::milliseconds(columns->run_at_ms[i])));
    }
    put.due = due;
  }
  record(put, effects);
  return put.first;
}

std::uint32_t Core::Impl::need_queue(std::string_view name, Effects& effects) {
  if (const std::uint32_t known = ledger.find_queue(name); known != 0) return known;
  const auto id = static_cast<std::uint32_t>(ledger.queues.size());
  record(change::Queue{.id = id,
                       .name = std::string(name),
                       .options = options.queue_defaults,
                       .paused_by = {},
                       .pause_reason = {}},
         effects);
  serving.made(id, ledger.queues[id].name);
  return id;
}

bool Core::Impl::has_worker(std::uint32_t queue, std::uint32_t handler) const {
  return std::ranges::any_of(serving.of(queue), [&](const Serving::Place& place) {
    return place.worker->connected && place.worker->can_run(handler);
  });
}

// --- parked puts ---

// As many of a queue's parked jobs as there is room for.
void Core::Impl::admit(std::uint32_t id, Effects& effects) {
  QueueState& queue = ledger.queues[id];
  const std::uint64_t waiting = queue.waiting();
  const std::uint64_t maxsize = queue.options.maxsize;
  std::uint64_t room = maxsize == 0 ? queue.counts.parked : maxsize - std::min(waiting, maxsize);
  std::vector<JobId> jobs;
  for (Slot slot = queue.parked_head; slot != no_slot && room != 0; slot = ledger.jobs[slot].next, --room) {
    jobs.push_back(ledger.jobs[slot].id);
  }
  admit_jobs(jobs, effects);
}

void Core::Impl::admit_jobs(std::span<const JobId> jobs, Effects& effects) {
  std::vector<std::pair<SessionId, std::uint64_t>> requests;
  for (std::size_t i = 0; i < jobs.size();) {
    change::Admit admit{.first = jobs[i], .count = 1};
    while (++i < jobs.size() && jobs[i] == admit.first + admit.count) ++admit.count;
    record(admit, effects);
    for (auto group = ledger.parked.upper_bound(admit.first + admit.count - 1);
         group != ledger.parked.begin();) {
      --group;
      requests.emplace_back(group->second.session, group->second.sequence);
      if (group->first <= admit.first) break;
    }
  }
  std::ranges::sort(requests);
  requests.erase(std::unique(requests.begin(), requests.end()), requests.end());
  for (const auto& [session, sequence] : requests) finish_parked(session, sequence, effects);
}

// Answers a parked put once the last of its jobs is in.
void Core::Impl::finish_parked(SessionId id, std::uint64_t sequence, Effects& effects) {
  const change::Answer* waiting = ledger.logs[id].find(sequence);
  if (waiting == nullptr || !waiting->parked) return;
  for (const GroupAnswer& group : waiting->groups) {
    if (!group.put()) continue;
    // From the end: jobs are mostly admitted in order.
    for (JobId job = group.first + group.count; job-- > group.first;) {
      const Job* found = ledger.job(job);
      if (found != nullptr && found->get_state() == State::parked) return;
    }
  }
  change::Answer last = *waiting;
  last.parked = false;
  last.until = never_wall;
  record(last, effects);
  answer(last, effects);
}

// All or nothing for the caller: what is parked is dropped, what was admitted is cancelled. Groups that were
// never parked stay.
void Core::Impl::give_up_parked(Now now, SessionId id, std::uint64_t sequence, const Error& why,
                                Effects& effects) {
  const auto log = ledger.logs.find(id);
  const change::Answer* waiting = log == ledger.logs.end() ? nullptr : log->second.find(sequence);
  if (waiting == nullptr || !waiting->parked) return;
  change::Answer last = *waiting;
  last.parked = false;
  last.until = never_wall;
  for (GroupAnswer& group : last.groups) {
    if (!group.put()) continue;
    std::vector<JobId> admitted;
    bool any_parked = false;
    for (JobId job = group.first; job < group.first + group.count; ++job) {
      const Job* found = ledger.job(job);
      if (found == nullptr) continue;
      if (found->get_state() == State::parked) {
        any_parked = true;
        record(change::Drop{job, 1, now.wall}, effects);
      } else {
        admitted.push_back(job);
      }
    }
    if (!any_parked) continue;
    cancel(now, admitted, Duration{5'000'000}, effects);
    watch_ranges.erase(group.first);
    group = {.error = why};
  }
  record(last, effects);
  answer(last, effects);
}

}  // namespace joinery::broker
