// What may not be, and what the core must say the same of.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/model.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;

void Model::check_put(const ModelJob& job) const {
  if (job.payload != scheduled_payload && now_.payloads.contains(job.payload)) {
    throw Broken(fmt::format("job {} is submitted again as job {}", now_.payloads.at(job.payload), job.id));
  }
  if (job.parent != 0) {
    const auto parent = now_.jobs.find(job.parent);
    if (parent == now_.jobs.end() || parent->second.is != Is::running)
      throw Broken(fmt::format("job {} is a child of job {}, which does not run", job.id, job.parent));
  }
  if (job.batch != 0 && now_.batches.at(job.batch).cancelled)
    throw Broken(fmt::format("job {} is put into the cancelled batch {}", job.id, job.batch));
  if (job.unique.empty()) return;
  for (const auto& [id, other] : now_.jobs) {
    const bool lives = other.is == Is::parked || other.is == Is::waiting || other.is == Is::running;
    if (lives && other.queue == job.queue && other.unique == job.unique)
      throw Broken(fmt::format("jobs {} and {} have the unique key '{}'", id, job.id, job.unique));
  }
}

void Model::check_start(const ModelJob& job) const {
  if (job.is != Is::waiting) throw Broken(fmt::format("starts: {}", describe(job.id)));
  const ModelQueue& queue = now_.queues[job.queue];
  if (queue.paused) throw Broken(fmt::format("job {} starts in the paused queue {}", job.id, queue.name));
  if (job.not_before && job.epoch == now_.epoch && deciding_->now.mono < *job.not_before)
    throw Broken(fmt::format("job {} starts before its delay is over", job.id));
  for (const JobId first : job.after) {
    if (waits_for(job, first))
      throw Broken(fmt::format("job {} starts before job {}, after which it comes", job.id, first));
  }
  for (const BatchId first : job.after_batches) {
    if (!now_.batches.at(first).had_end && !has_ended(first))
      throw Broken(fmt::format("job {} starts before batch {}, after which it comes: {}", job.id, first,
                               to_text(now_.batches.at(first).tally)));
  }
}

// One that was ended, and runs again since, is waited for no more.
bool Model::waits_for(const ModelJob& job, JobId first) const {
  const auto before = now_.jobs.find(first);
  if (before == now_.jobs.end()) return false;
  const bool over = before->second.is == Is::dead || before->second.is == Is::ended;
  return !over && before->second.last_end <= job.put_end;
}

namespace {

bool same(const ModelJob& job, const JobView& view) {
  switch (job.is) {
    case Is::parked: return view.state == State::parked && !view.outcome;
    case Is::waiting:
      return !view.outcome &&
             (view.state == State::scheduled || view.state == State::blocked || view.state == State::ready);
    case Is::running: return view.state == State::running && view.token == job.token;
    case Is::dead: return view.outcome == Outcome::failed && view.state == State::failed;
    case Is::ended: return view.outcome == job.outcome;
  }
  return false;
}

void expect(const Tally& model, const Counts& core, const std::string& what) {
  if (model == tally_of(core)) return;
  throw Broken(fmt::format("the counts of {} are wrong: the core says {}; counted again: {}", what,
                           to_text(tally_of(core)), to_text(model)));
}

}  // namespace

void Model::compare_past(const Core& core, Now now, Position end) const {
  Model past = *this;
  past.promised_ = 0;
  past.recovered(end);
  past.compare(core, now, true);
}

void Model::compare(const Core& core, Now now, bool all) const {
  expect(now_.totals, core.totals(), "all");
  if (!all) return;
  std::size_t unfinished = 0;
  for (const auto& [id, job] : now_.jobs) {
    if (job.gone) continue;
    const auto view = core.job(id);
    if (!view) throw Broken(fmt::format("the core has lost a job: {}", describe(id)));
    if (!same(job, *view))
      throw Broken(fmt::format("the core says that job {} is {} (outcome {}), attempt {}; but {}", id,
                               word(view->state), view->outcome ? word(*view->outcome) : "none",
                               view->attempt, describe(id)));
    unfinished += job.is != Is::dead && job.is != Is::ended ? 1 : 0;
    const bool there = job.is != Is::ended;
    if (there && (view->batch != job.batch || view->key != job.key || view->parent != job.parent ||
                  view->queue != job.queue))
      throw Broken(fmt::format("the core has forgotten the batch, key, queue or parent: {}", describe(id)));
  }
  if (const auto listed = core.jobs("", std::nullopt, 0, 1'000'000).size(); listed != unfinished)
    throw Broken(fmt::format("the core has {} unfinished jobs, expected {}", listed, unfinished));
  for (const QueueView& queue : core.queues()) {
    if (queue.paused != now_.queues.at(queue.id).paused)
      throw Broken(fmt::format("queue {} has forgotten its pause", queue.name));
    expect(now_.queues.at(queue.id).tally, queue.counts, fmt::format("queue {}", queue.name));
  }
  const std::map<BatchId, Tally> tallies = with_nested(now_.batches);
  for (const auto& [id, batch] : now_.batches) {
    const auto view = core.batch(id);
    if (!view) throw Broken(fmt::format("batch {} is lost", id));
    expect(tallies.at(id), view->counts, fmt::format("batch {}", id));
    if (view->cancelled != batch.cancelled)
      throw Broken(fmt::format("batch {} has forgotten that it was cancelled", id));
    if (view->held != batch.held) throw Broken(fmt::format("batch {} is held, or not", id));
  }
  for (const auto& [pattern, limit] : now_.limits) {
    const auto views = core.limits();
    if (std::ranges::none_of(views, [&](const LimitView& view) { return view.limit == limit; }))
      throw Broken(fmt::format("the limit of {} is lost, {} at a time", pattern, limit.concurrency));
  }
  compare_keys(core, now);
  compare_schedules(core);
  compare_history(core, now);
}

}  // namespace joinery::simulation
