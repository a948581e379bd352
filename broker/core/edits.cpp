// Jobs that were accepted are changed: another priority, another time, another queue.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/core/impl.h"

namespace joinery::broker {

// Their ids in order, each once; an error if one of them is unknown, or runs or has ended.
Result<std::vector<JobId>> Core::Impl::waiting_jobs(std::vector<JobId> jobs, bool dead_letters) const {
  std::ranges::sort(jobs);
  jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
  for (JobId id : jobs) {
    const Job* job = ledger.job(id);
    if (job == nullptr && !outcome_of(id)) return unknown_job(id);
    if (job == nullptr || ledger.is_ghost(*job)) return ended_already(id, "one that waits");
    const State state = job->get_state();
    if (state == State::ready || state == State::scheduled || state == State::blocked) continue;
    if (state == State::failed && dead_letters) continue;
    return fail(Code::invalid_state, fmt::format("job {} is {}, expected one that waits", id, word(state)),
                "jobs");
  }
  return jobs;
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Update& verb, Effects& effects) {
  if (!verb.priority && !verb.run_at_ms)
    return fail(Code::invalid_argument, "nothing to update, expected priority or run_at_ms", "priority");
  Columns columns;
  columns.run_at_ms = {verb.run_at_ms.value_or(0)};
  if (const auto checked = validate(columns, 1); !checked) return std::unexpected(checked.error());
  const auto jobs = waiting_jobs(verb.jobs, false);
  if (!jobs) return std::unexpected(jobs.error());
  for (JobId id : *jobs) {
    const QueueState& queue = ledger.queue_of(*ledger.job(id));
    if (!verb.priority || queue.options.mode == Mode::priority) continue;
    return fail(Code::invalid_state,
                fmt::format("queue {} of job {} has mode {}, expected priority", queue.name, id,
                            word(queue.options.mode)),
                "priority");
  }
  change::Update update;
  update.priority = verb.priority;
  if (verb.run_at_ms) {
    const Wall due{std::chrono::milliseconds(*verb.run_at_ms)};
    update.due = due > now.wall ? due : Wall{};
  }
  for (JobId id : *jobs) {
    update.job = id;
    record(update, effects);
  }
  return jobs->size();
}

Result<std::uint64_t> Core::Impl::verb(Now, const MoveTo& verb, Effects& effects) {
  if (auto name = validate_name(verb.queue, "to"); !name) return std::unexpected(name.error());
  auto jobs = waiting_jobs(verb.jobs, true);
  if (!jobs) return std::unexpected(jobs.error());
  std::uint32_t to = ledger.find_queue(verb.queue);
  if (to == 0 && !options.create_queues)
    return fail(Code::unknown_queue, fmt::format("there is no queue {}", verb.queue), "to");
  const auto moves = [&](JobId id) { return ledger.queue_of(*ledger.job(id)).id != to; };
  std::erase_if(*jobs, [&](JobId id) { return !moves(id); });
  if (const auto error = check_move(*jobs, to)) return std::unexpected(*error);
  if (to == 0) to = need_queue(verb.queue, effects);
  for (JobId id : *jobs) record(change::Transfer{id, to}, effects);
  return jobs->size();
}

// Whether the target (0: it is made) has room, and no two jobs there would have a unique key in common.
std::optional<Error> Core::Impl::check_move(const std::vector<JobId>& jobs, std::uint32_t to) const {
  const QueueState& queue = ledger.queues[to];
  const std::string_view name = to == 0 ? "(new)" : std::string_view(queue.name);
  const std::uint64_t maxsize = to == 0 ? options.queue_defaults.maxsize : queue.options.maxsize;
  if (maxsize != 0 && queue.waiting() + jobs.size() > maxsize) {
    return Error{Code::queue_full,
                 fmt::format("queue {} holds {} jobs and maxsize is {}; {} more do not fit", name,
                             queue.waiting(), maxsize, jobs.size()),
                 "to"};
  }
  std::set<std::uint32_t> coming;  // unique keys
  for (JobId id : jobs) {
    const Job& job = *ledger.job(id);
    const Extra* extra = ledger.extra(job);
    if (extra == nullptr || extra->unique == 0) continue;
    if (ledger.specs[job.spec].spec.unique.scope != UniqueScope::queue) continue;
    const bool twice = !coming.insert(extra->unique).second;
    if (!twice && ledger.claims.find({to, extra->unique}, now_.wall) == nullptr) continue;
    return Error{Code::duplicate_job,
                 twice ? fmt::format("two of the jobs have the unique_key of job {}", id)
                       : fmt::format("queue {} has a job with the unique_key of job {}", name, id),
                 "jobs"};
  }
  return std::nullopt;
}

}  // namespace joinery::broker
