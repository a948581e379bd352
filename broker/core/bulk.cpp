// The verbs on all jobs that fit a filter, slice by slice.
#include <fmt/format.h>

#include <algorithm>

#include "broker/core/impl.h"

namespace joinery::broker {
namespace {

// What one slice changes at most: some ten milliseconds, and a record far below the limit.
constexpr std::size_t changed_most = 1U << 14U;

}  // namespace

Result<Core::Impl::Match> Core::Impl::match_of(const Filter& filter) const {
  Match match;
  if (!filter.queue.empty()) {
    const auto queue = known_queue(filter.queue);
    if (!queue) return std::unexpected(queue.error());
    match.queue = *queue;
  }
  if (filter.batch != 0 && ledger.find_batch(filter.batch) == nullptr)
    return fail(Code::unknown_batch, fmt::format("there is no batch {}", filter.batch), "batch");
  if (filter.batch != 0) match.batches = with_nested(filter.batch);
  std::ranges::sort(match.batches);
  if (!filter.key.empty()) match.key = ledger.keys.find(filter.key);
  match.none = !filter.key.empty() && match.key == 0;
  match.filter = &filter;
  return match;
}

bool Core::Impl::fits(const Match& match, const Job& job) const {
  const Filter& filter = *match.filter;
  if (job.id == 0 || ledger.is_ghost(job)) return false;
  if (match.queue != 0 && ledger.queue_of(job).id != match.queue) return false;
  if (filter.state && job.get_state() != *filter.state) return false;
  if (filter.batch != 0 && !std::ranges::binary_search(match.batches, job.batch)) return false;
  if (filter.accepted_before && Wall(std::chrono::milliseconds(job.accepted_ms)) >= *filter.accepted_before)
    return false;
  if (!filter.handler.empty() && ledger.specs[job.spec].spec.handler != filter.handler) return false;
  const Extra* extra = ledger.extra(job);
  if (match.key != 0 && (extra == nullptr || extra->key != match.key)) return false;
  if (filter.error.empty()) return true;
  const Rare* rare = ledger.rare(job);
  return rare != nullptr && rare->failure != nullptr &&
         (rare->failure->message.find(filter.error) != std::string::npos ||
          rare->failure->type.find(filter.error) != std::string::npos);
}

// Whether the verb means jobs like this one.
bool Core::Impl::applies(BulkVerb verb, const Job& job) const {
  const State state = job.get_state();
  const bool waits = state == State::ready || state == State::scheduled || state == State::blocked;
  switch (verb) {
    case BulkVerb::retry: return state == State::failed && !cancelled(job.batch);
    case BulkVerb::remove: return state == State::failed;
    case BulkVerb::cancel: return state != State::failed && !job.has(flag_cancelling);
    case BulkVerb::purge: return waits;
    case BulkVerb::move: return waits || state == State::failed;
  }
  JOINERY_CHECK(!"a verb that is not in the table");
}

Result<std::uint64_t> Core::Impl::verb(Now now, const Bulk& verb, Effects& effects) {
  const auto match = match_of(verb.filter);
  if (!match) return std::unexpected(match.error());
  std::uint32_t to = 0;
  if (verb.verb == BulkVerb::move) {
    if (auto name = validate_name(verb.to, "to"); !name) return std::unexpected(name.error());
    to = ledger.find_queue(verb.to);
    if (to == 0 && !options.create_queues)
      return fail(Code::unknown_queue, fmt::format("there is no queue {}", verb.to), "to");
  }
  std::vector<JobId> jobs;
  Slot slot = verb.from;
  const std::size_t most = verb.dry_run ? slice_slots : changed_most;
  for (Slot seen = 0; slot < ledger.jobs.end() && seen < slice_slots && jobs.size() < most; ++slot, ++seen) {
    const Job& job = ledger.jobs[slot];
    if (match->none || !fits(*match, job) || !applies(verb.verb, job)) continue;
    if (verb.verb == BulkVerb::move && to != 0 && ledger.queue_of(job).id == to) continue;
    jobs.push_back(job.id);
  }
  const std::uint64_t next = slot < ledger.jobs.end() ? slot : 0;
  std::ranges::sort(jobs);
  if (verb.verb == BulkVerb::move) {
    if (const auto error = check_move(jobs, to)) return std::unexpected(*error);
  }
  if (!verb.dry_run) perform(now, verb, to, jobs, effects);
  return next << 32U | jobs.size();
}

void Core::Impl::perform(Now now, const Bulk& verb, std::uint32_t to, const std::vector<JobId>& jobs,
                         Effects& effects) {
  if (jobs.empty()) return;
  switch (verb.verb) {
    case BulkVerb::retry:
      for (JobId id : jobs) record(change::Revive{id, now.wall}, effects);
      break;
    case BulkVerb::remove:
      for (JobId id : jobs) record(change::Drop{id, 1, now.wall}, effects);
      break;
    case BulkVerb::cancel: cancel(now, jobs, verb.grace, effects); break;
    case BulkVerb::purge: end(now, Outcome::cancelled, jobs, effects); break;
    case BulkVerb::move:
      if (to == 0) to = need_queue(verb.to, effects);
      for (JobId id : jobs) record(change::Transfer{id, to}, effects);
      break;
  }
}

}  // namespace joinery::broker
