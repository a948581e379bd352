#include "tests/simulation/model.h"

#include <fmt/format.h>

#include <algorithm>

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;

Tally tally_of(const Counts& counts) {
  return {counts.parked,  counts.scheduled + counts.blocked + counts.ready,
          counts.running, counts.succeeded,
          counts.failed,  counts.cancelled,
          counts.expired};
}

Tally& Tally::operator+=(const Tally& other) {
  for (const auto number : {&Tally::parked, &Tally::waiting, &Tally::running, &Tally::succeeded,
                            &Tally::failed, &Tally::cancelled, &Tally::expired})
    this->*number += other.*number;
  return *this;
}

std::string to_text(const Tally& t) {
  return fmt::format("parked {} waiting {} running {} succeeded {} failed {} cancelled {} expired {}",
                     t.parked, t.waiting, t.running, t.succeeded, t.failed, t.cancelled, t.expired);
}

void Model::decided(Decided decided) {
  // Where `kept` lies does not change any more.
  for (Decided::Kept& kept : decided.changes) {
    auto* put = std::get_if<change::Put>(&kept.change);
    if (put == nullptr) continue;
    put->sizes = kept.sizes;
    put->due = kept.due;
    put->columns = kept.columns ? &*kept.columns : nullptr;
  }
  history_.push_back(std::move(decided));
  for (const Decided::Kept& kept : history_.back().changes) {
    const auto* start = std::get_if<change::Start>(&kept.change);
    if (start == nullptr) continue;
    for (const Run& run : start->runs) {
      for (JobId id = run.first; id < run.first + run.count; ++id) {
        const Token token{id, run.attempt, run.epoch};
        std::uint64_t& last = fences_[id];
        if (token.fence() <= last)
          throw Broken(fmt::format("job {} starts with fence {:x} after {:x}", id, token.fence(), last));
        last = token.fence();
      }
    }
  }
  apply(history_.back());
  check_times(history_.back());
}

void Model::recovered(Position end) {
  if (end < promised_)
    throw Broken(fmt::format("the log ends at {} after the crash, and what ends at {} had been promised", end,
                             promised_));
  while (!history_.empty() && history_.back().end > end) history_.pop_back();
  now_ = State{};
  for (const Decided& decided : history_) apply(decided);
}

void Model::apply(const Decided& decided) {
  deciding_ = &decided;
  started_.clear();
  for (const Decided::Kept& kept : decided.changes) {
    kept_ = &kept;
    std::visit([this](const auto& one) { on(one); }, static_cast<const Change::variant&>(kept.change));
  }
  if (!started_.empty()) check_started();
  note_idle();
}

const ModelJob* Model::job(JobId id) const {
  const auto found = now_.jobs.find(id);
  return found == now_.jobs.end() ? nullptr : &found->second;
}

const std::pair<Position, change::Answer>* Model::answer(SessionId session, std::uint64_t sequence) const {
  const auto found = now_.answers.find({session, sequence});
  return found == now_.answers.end() ? nullptr : &found->second;
}

std::optional<Position> Model::ended_by(const Token& token) const {
  const auto found = now_.ended.find(token);
  return found == now_.ended.end() ? std::nullopt : std::optional(found->second);
}

std::string Model::describe(JobId id) const {
  const ModelJob* found = job(id);
  if (found == nullptr) return fmt::format("job {} is not known", id);
  static constexpr const char* words[] = {"parked", "waiting", "running", "dead", "ended"};
  return fmt::format("job {} in {} is {}{}{}, batch {}, key '{}', attempt {}", id,
                     now_.queues[found->queue].name, words[static_cast<int>(found->is)],
                     found->ghost ? " (ghost)" : "", found->cancelling ? " (cancelling)" : "", found->batch,
                     found->key, found->token.attempt);
}

// --- moving jobs about ---

ModelJob& Model::need(JobId id, const char* what) {
  const auto found = now_.jobs.find(id);
  if (found == now_.jobs.end() || found->second.gone)
    throw Broken(fmt::format("{} of job {}, which is not there", what, id));
  return found->second;
}

ModelJob& Model::need_running(const Token& token, const char* what) {
  ModelJob& job = need(token.job, what);
  if (job.is != Is::running || job.token != token) {
    throw Broken(fmt::format("a late {} takes effect: of attempt {} epoch {}, and {} epoch {}", what,
                             token.attempt, token.epoch, describe(token.job), job.token.epoch));
  }
  now_.ended[token] = deciding_->end;
  return job;
}

std::uint64_t& Model::counter(Tally& tally, const ModelJob& job) {
  switch (job.is) {
    case Is::parked: return tally.parked;
    case Is::waiting: return tally.waiting;
    case Is::running: return tally.running;
    case Is::dead: return tally.failed;
    case Is::ended: break;
  }
  switch (job.outcome) {
    case Outcome::succeeded: return tally.succeeded;
    case Outcome::failed: return tally.failed;
    case Outcome::cancelled: return tally.cancelled;
    case Outcome::expired: break;
  }
  return tally.expired;
}

void Model::leave(const ModelJob& job) {
  --counter(now_.totals, job);
  --counter(now_.queues[job.queue].tally, job);
  if (const auto batch = now_.batches.find(job.batch); batch != now_.batches.end())
    --counter(batch->second.tally, job);
}

void Model::enter(const ModelJob& job) {
  ++counter(now_.totals, job);
  ++counter(now_.queues[job.queue].tally, job);
  if (const auto batch = now_.batches.find(job.batch); batch != now_.batches.end())
    ++counter(batch->second.tally, job);
}

void Model::become(ModelJob& job, Is is, Outcome outcome) {
  leave(job);
  job.is = is;
  job.outcome = outcome;
  if (is == Is::dead || is == Is::ended) {
    job.last_end = deciding_->end;
    job.outcomes.insert(is == Is::dead ? Outcome::failed : outcome);
  }
  job.end = deciding_->end;
  enter(job);
}

void Model::enqueue(ModelJob& job, bool front) {
  ModelQueue& queue = now_.queues[job.queue];
  job.order = front || queue.options.mode == Mode::lifo ? --queue.front : ++queue.back;
}

}  // namespace joinery::simulation
