// Jobs that have ended: looked up, listed, and their part of the snapshot.
#include <algorithm>
#include <functional>

#include "broker/core/impl.h"
#include "broker/core/snapshot.h"

namespace joinery::broker {

// Of its first job.
FinishedView Core::Impl::view(const QueueState& queue, const History::Run& run) const {
  FinishedView view{.id = run.first,
                    .outcome = run.outcome,
                    .queue_name = queue.name,
                    .handler = ledger.handlers.name(run.handler),
                    .batch = run.batch,
                    .parent = run.parent,
                    .priority = run.priority,
                    .attempt = run.attempt,
                    .accepted_at = Wall(std::chrono::milliseconds(run.accepted_ms)),
                    .ended_at = run.ended(),
                    .key = run.key};
  if (run.details == nullptr) return view;
  view.failures = run.details->failures;
  view.crashes = run.details->crashes;
  view.losses = run.details->losses;
  view.last_failure = &run.details->failure;
  return view;
}

std::optional<FinishedView> Core::finished(JobId id) const {
  const Job* job = impl_->ledger.job(id);
  if (job != nullptr && job->get_state() == State::failed) return impl_->view_dead(*job);
  std::uint32_t queue = 0;
  const auto run = impl_->ledger.find_finished(id, queue);
  if (!run) return std::nullopt;
  return impl_->view(impl_->ledger.queues[queue], *run);
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

// The latest ones that were added, as many as are wanted.
class Latest {
 public:
  explicit Latest(std::size_t most) : most_(most) {}
  bool full() const { return jobs_.size() == most_; }
  JobId least() const { return jobs_.front().id; }
  void add(const FinishedView& job) {
    if (full()) {
      std::ranges::pop_heap(jobs_, greater);
      jobs_.pop_back();
    }
    jobs_.push_back(job);
    std::ranges::push_heap(jobs_, greater);
  }
  std::vector<FinishedView> take() {
    std::ranges::sort(jobs_, greater);
    return std::move(jobs_);
  }

 private:
  static bool greater(const FinishedView& a, const FinishedView& b) { return a.id > b.id; }
  std::size_t most_;
  std::vector<FinishedView> jobs_;  // a heap, the least id in front
};

}  // namespace

FinishedView Core::Impl::view_dead(const Job& job) const {
  const Extra& extra = *ledger.extra(job);
  const Rare& rare = *ledger.rare(job);
  return {.id = job.id,
          .outcome = Outcome::failed,
          .queue_name = ledger.queue_of(job).name,
          .handler = ledger.specs[job.spec].spec.handler,
          .batch = job.batch,
          .parent = extra.parent,
          .priority = ledger.lines[job.line].priority,
          .attempt = job.attempt,
          .failures = rare.failures,
          .crashes = rare.crashes,
          .losses = rare.losses,
          .accepted_at = Wall(std::chrono::milliseconds(job.accepted_ms)),
          .ended_at = rare.due,
          .key = ledger.keys.name(extra.key),
          .last_failure = rare.failure.get()};
}

// From which id on, up to `end`, no more is remembered than one question may look at.
JobId Core::Impl::window(const FinishedFilter& filter, JobId end) const {
  std::vector<std::pair<JobId, std::size_t>> blocks;  // greatest id, pieces
  for (const QueueState& queue : ledger.queues) {
    if (!filter.queue.empty() && queue.name != filter.queue) continue;
    queue.history.for_each_block([&](JobId low, JobId high, std::size_t pieces) {
      if (low < end) blocks.emplace_back(std::min(high, end - 1), pieces);
    });
  }
  std::ranges::sort(blocks, std::greater());
  std::size_t seen = 0;
  for (const auto& [high, pieces] : blocks) {
    if (seen >= options.history_looked_at && high + 1 < end) return high + 1;
    seen += pieces;
  }
  return 0;
}

FinishedPage Core::finished(const FinishedFilter& filter, JobId before, std::size_t most) const {
  const Ledger& ledger = impl_->ledger;
  if (most == 0) return {};
  const JobId end = before == 0 ? ~JobId{0} : before;
  JobId begin = impl_->window(filter, end);
  Latest latest(most);
  std::size_t seen = 0;
  for (auto id = ledger.dead.lower_bound(end); id != ledger.dead.begin() && !latest.full();) {
    if (*--id < begin) break;
    const FinishedView job = impl_->view_dead(*ledger.job(*id));
    const bool here = filter.queue.empty() || job.queue_name == filter.queue;
    if (here && fits(filter, job)) latest.add(job);
    if (++seen == impl_->options.history_looked_at) begin = *id;
  }
  if (latest.full()) begin = latest.least() + 1;
  for (const QueueState& queue : ledger.queues) {
    if (!filter.queue.empty() && queue.name != filter.queue) continue;
    queue.history.for_each_latest(begin, end, [&](const History::Run& run) {
      FinishedView job = impl_->view(queue, run);
      if (run.first >= end || run.first + run.count <= begin || !fits(filter, job)) return;
      for (JobId id = std::min(run.first + run.count, end); id-- > std::max(run.first, begin);) {
        job.id = id;
        latest.add(job);
        if (latest.full()) begin = latest.least() + 1;
      }
    });
  }
  const JobId next = latest.full() ? latest.least() : begin;
  return {latest.take(), next <= 1 ? 0 : next};
}

// --- snapshot ---

void SnapshotWriter::write_history() {
  std::vector<std::uint32_t> names;
  std::uint64_t kept = 0;
  for (const QueueState& queue : ledger_.queues) {
    kept += queue.history.empty() ? 0 : 1;
    queue.history.for_each([&](const History::Run& run) {
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
    out_.put(queue.history.pieces());
    queue.history.for_each([&](const History::Run& run) { write_run(run); });
  }
}

// first, accepted_ms, ended_ms, parent, priority, count, attempt, place of the handler's name, batch,
// outcome, key, u8 detailed; then failures, crashes, losses, failure.
void SnapshotWriter::write_run(const History::Run& run) {
  out_.put(run.first);
  out_.put(run.accepted_ms);
  out_.put(run.ended_ms);
  out_.put(run.parent);
  out_.put(run.priority);
  for (std::uint32_t number : {run.count, run.attempt, handlers_.at(run.handler), run.batch})
    out_.put(number);
  out_.put(static_cast<std::uint8_t>(run.outcome));
  out_.put(Bytes(run.key));
  const History::Details* details = run.details;
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
  for (std::uint32_t* number : {&run.count, &run.attempt, &run.handler, &run.batch}) in_.get(*number);
  run.attempt &= UINT16_MAX;
  run.outcome = in_.get_enum(Outcome::expired);
  const std::string key = in_.text();
  run.key = key;
  std::unique_ptr<History::Details> details;
  if (in_.get<std::uint8_t>() != 0) {
    details = std::make_unique<History::Details>();
    for (std::uint32_t* number : {&details->failures, &details->crashes, &details->losses}) in_.get(*number);
    details->failure = read_failure();
  }
  if (run.handler >= handlers_.size() || run.count == 0 || key.size() > limits::name_max) return in_.fail();
  run.handler = handlers_[run.handler];
  if (in_.ok()) ledger_.restore_history(queue, run, std::move(details));
}

void Ledger::restore_history(std::uint32_t queue, const History::Run& run,
                             std::unique_ptr<History::Details> details) {
  Fallout none;
  add_history(queues[queue], run, std::move(details), none);
}

}  // namespace joinery::broker
