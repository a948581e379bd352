// Jobs that have ended: looked up, listed, and their part of the snapshot.
#include <algorithm>

#include "broker/core/impl.h"
#include "broker/core/snapshot.h"

namespace joinery::broker {

FinishedView Core::Impl::view(const QueueState& queue, const History::Run& run, std::string_view key,
                              JobId id) const {
  FinishedView view{.id = id,
                    .outcome = static_cast<Outcome>(run.outcome),
                    .queue_name = queue.name,
                    .handler = ledger.handlers.name(run.handler),
                    .batch = run.batch,
                    .parent = run.parent,
                    .priority = run.priority,
                    .attempt = static_cast<std::uint32_t>(run.attempt),
                    .accepted_at = Wall(std::chrono::milliseconds(run.accepted_ms)),
                    .ended_at = History::ended(run),
                    .key = key};
  if (run.details == nullptr) return view;
  view.failures = run.details->failures;
  view.crashes = run.details->crashes;
  view.losses = run.details->losses;
  view.last_failure = &run.details->failure;
  return view;
}

std::optional<FinishedView> Core::finished(JobId id) const {
  std::uint32_t queue = 0;
  std::string_view key;
  const History::Run* run = impl_->ledger.find_finished(id, queue, key);
  if (run == nullptr) return std::nullopt;
  return impl_->view(impl_->ledger.queues[queue], *run, key, id);
}

namespace {

bool fits(const FinishedFilter& filter, const FinishedView& job) {
  if (filter.outcome && job.outcome != *filter.outcome) return false;
  if (!filter.handler.empty() && job.handler != filter.handler) return false;
  if (filter.batch != 0 && job.batch != filter.batch) return false;
  if (!filter.key.empty() && job.key != filter.key) return false;
  if (filter.ended_before && job.ended_at >= *filter.ended_before) return false;
  if (filter.ended_after && job.ended_at < *filter.ended_after) return false;
  if (filter.error.empty()) return true;
  return job.last_failure != nullptr && (job.last_failure->message.find(filter.error) != std::string::npos ||
                                         job.last_failure->type.find(filter.error) != std::string::npos);
}

}  // namespace

std::vector<FinishedView> Core::finished(const FinishedFilter& filter, JobId before, std::size_t most) const {
  std::vector<FinishedView> latest;  // a heap, the smallest id in front
  if (most == 0) return latest;
  const auto greater = [](const FinishedView& a, const FinishedView& b) { return a.id > b.id; };
  const JobId end = before == 0 ? ~JobId{0} : before;
  for (const QueueState& queue : impl_->ledger.queues) {
    if (!filter.queue.empty() && queue.name != filter.queue) continue;
    queue.history.for_each([&](const History::Run& run, std::string_view key) {
      FinishedView job = impl_->view(queue, run, key, run.first);
      if (run.first >= end || !fits(filter, job)) return;
      for (JobId id = std::min(run.first + run.count, end); id-- > run.first;) {
        if (latest.size() == most) {
          if (id <= latest.front().id) return;
          std::ranges::pop_heap(latest, greater);
          latest.pop_back();
        }
        job.id = id;
        latest.push_back(job);
        std::ranges::push_heap(latest, greater);
      }
    });
  }
  std::ranges::sort(latest, greater);
  return latest;
}

// --- snapshot ---

void SnapshotWriter::write_history() {
  std::vector<std::uint32_t> names;
  std::uint64_t kept = 0;
  for (const QueueState& queue : ledger_.queues) {
    kept += queue.history.empty() ? 0 : 1;
    queue.history.for_each([&](const History::Run& run, std::string_view) {
      const auto place = static_cast<std::uint32_t>(names.size());
      if (handlers_.emplace(run.handler, place).second) names.push_back(run.handler);
    });
  }
  out_.put(std::uint64_t{names.size()});
  for (std::uint32_t name : names) out_.put(Bytes(ledger_.handlers.name(name)));
  out_.put(kept);
  for (const QueueState& queue : ledger_.queues) {
    if (queue.history.empty()) continue;
    out_.put(queue.id);
    out_.put(queue.history.runs());
    queue.history.for_each([&](const History::Run& run, std::string_view key) { write_run(run, key); });
  }
}

// first, accepted_ms, ended_ms, parent, priority, count, attempt, place of the handler's name, batch,
// outcome, key, u8 detailed; then failures, crashes, losses, failure.
void SnapshotWriter::write_run(const History::Run& run, std::string_view key) {
  out_.put(run.first);
  out_.put(std::uint64_t{run.accepted_ms});
  out_.put(std::uint64_t{run.ended_ms});
  out_.put(run.parent);
  out_.put(run.priority);
  for (std::uint32_t number :
       {run.count, static_cast<std::uint32_t>(run.attempt), handlers_.at(run.handler), run.batch})
    out_.put(number);
  out_.put(static_cast<std::uint8_t>(run.outcome));
  out_.put(Bytes(key));
  const History::Details* details = run.details.get();
  out_.put(std::uint8_t{details != nullptr});
  if (details == nullptr) return;
  for (std::uint32_t number : {details->failures, details->crashes, details->losses}) out_.put(number);
  write_failure(details->failure);
}

void SnapshotReader::read_history() {
  for (auto n = in_.count(4); n != 0 && in_.ok(); --n) handlers_.push_back(ledger_.handlers.add(read_name()));
  for (auto n = in_.count(12); n != 0 && in_.ok(); --n) {
    const auto queue = in_.get<std::uint32_t>();
    if (queue == 0 || queue >= ledger_.queues.size()) return in_.fail();
    for (auto runs = in_.count(62); runs != 0 && in_.ok(); --runs) read_run(queue);
  }
  for (std::uint32_t handler : handlers_) ledger_.handlers.remove(handler);  // the runs count them now
}

void SnapshotReader::read_run(std::uint32_t queue) {
  constexpr std::uint64_t bits48 = 0xffff'ffff'ffffULL;
  History::Run run;
  in_.get(run.first);
  run.accepted_ms = in_.get<std::uint64_t>() & bits48;
  run.ended_ms = in_.get<std::uint64_t>() & bits48;
  in_.get(run.parent);
  in_.get(run.priority);
  std::uint32_t attempt = 0;
  for (std::uint32_t* number : {&run.count, &attempt, &run.handler, &run.batch}) in_.get(*number);
  run.attempt = attempt & UINT16_MAX;
  run.outcome = static_cast<std::uint16_t>(in_.get_enum(Outcome::expired));
  const std::string key = in_.text();
  if (in_.get<std::uint8_t>() != 0) {
    run.details = std::make_unique<History::Details>();
    History::Details& details = *run.details;
    for (std::uint32_t* number : {&details.failures, &details.crashes, &details.losses}) in_.get(*number);
    details.failure = read_failure();
  }
  if (run.handler >= handlers_.size() || run.count == 0 || key.size() > limits::name_max) return in_.fail();
  run.handler = handlers_[run.handler];
  if (in_.ok()) ledger_.restore_history(queue, std::move(run), key);
}

void Ledger::restore_history(std::uint32_t queue, History::Run&& run, std::string_view key) {
  Fallout none;
  add_history(queues[queue], std::move(run), key, none);
}

}  // namespace joinery::broker
