// What may not be, and what the core must say the same of.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/model.h"

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;

void Model::check_put(const ModelJob& job) const {
  if (!job.payload.empty() && now_.payloads.contains(job.payload)) {
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
    const auto before = now_.jobs.find(first);
    if (before != now_.jobs.end() && !before->second.had_end)
      throw Broken(fmt::format("job {} starts before job {}, after which it comes", job.id, first));
  }
}

void Model::check_started() const {
  check_order();
  check_limits();
}

// What started went before what still waits.
void Model::check_order() const {
  struct Last {
    const ModelJob* job = nullptr;
    std::pair<std::int64_t, std::int64_t> rank;
  };
  std::map<std::uint32_t, Last> last;
  for (const JobId id : started_) {
    const ModelJob& job = now_.jobs.at(id);
    const std::pair rank(job.priority, job.order);
    Last& known = last[job.queue];
    if (job.plain && (known.job == nullptr || rank > known.rank)) known = {&job, rank};
  }
  for (const auto& [id, job] : now_.jobs) {
    const auto known = last.find(job.queue);
    if (job.is != Is::waiting || !job.plain || known == last.end() || known->second.job == nullptr) continue;
    if (now_.queues[job.queue].options.fair || job.spec->handler != known->second.job->spec->handler)
      continue;
    if (std::pair(job.priority, job.order) < known->second.rank)
      throw Broken(fmt::format("job {} of queue {} starts before job {}, whose turn it was",
                               known->second.job->id, now_.queues[job.queue].name, id));
  }
}

void Model::check_limits() const {
  std::map<std::string, std::uint32_t> running;
  std::map<std::string, std::uint32_t> in_order;
  for (const auto& [id, job] : now_.jobs) {
    if (job.is != Is::running || job.key.empty()) continue;
    each_node(job.key, [&](std::string_view node) { ++running[std::string(node)]; });
    if (job.spec->ordered) ++in_order[now_.queues[job.queue].name + "/" + job.key];
  }
  const auto most = [&](const std::string& node) -> std::uint32_t {
    if (const auto own = now_.limits.find(node); own != now_.limits.end()) return own->second.concurrency;
    for (const Limit& limit : declared_) {
      if (matches(limit.pattern, node)) return limit.concurrency;
    }
    return 0;
  };
  for (const JobId id : started_) {
    const ModelJob& job = now_.jobs.at(id);
    if (job.key.empty()) continue;
    each_node(job.key, [&](std::string_view view) {
      const std::string node(view);
      const std::uint32_t limit = most(node);
      if (limit != 0 && running[node] > limit)
        throw Broken(fmt::format("{} jobs of {} run, and only {} may: job {} started last", running[node],
                                 node, limit, id));
    });
    if (job.spec->ordered && in_order[now_.queues[job.queue].name + "/" + job.key] > 1)
      throw Broken(
          fmt::format("job {} starts while another of its key '{}' runs, and they are ordered", id, job.key));
  }
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

void Model::compare(const Core& core, bool all) const {
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
  for (const auto& [id, batch] : now_.batches) {
    const auto view = core.batch(id);
    if (!view) throw Broken(fmt::format("batch {} is lost", id));
    expect(batch.tally, view->counts, fmt::format("batch {}", id));
    if (view->cancelled != batch.cancelled)
      throw Broken(fmt::format("batch {} has forgotten that it was cancelled", id));
    if (view->held != batch.held) throw Broken(fmt::format("batch {} is held, or not", id));
  }
  for (const auto& [pattern, limit] : now_.limits) {
    const auto views = core.limits();
    if (std::ranges::none_of(views, [&](const LimitView& view) { return view.limit == limit; }))
      throw Broken(fmt::format("the limit of {} is lost", pattern));
  }
}

}  // namespace joinery::simulation
