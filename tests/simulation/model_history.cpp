// Histories of queues: which jobs they tell, how those ended, and that they keep to their bounds.
//
// How many bytes an entry takes is the history's own affair, so the model does not say how many jobs a queue
// with a small history tells: only that they are the last ones that ended. A history with the usual bounds
// has room for all of a simulation. Filters, pages, looking up single jobs and the text of failures are left
// to history_test.
#include <fmt/format.h>

#include <algorithm>

#include "tests/simulation/model.h"

namespace joinery::simulation {

using namespace broker;
using namespace std::chrono_literals;
using Is = ModelJob::Is;

namespace {

bool remembers(const QueueOptions& options) {
  return options.history_bytes != 0 && options.history_age_ms != 0;
}

bool has_room_for_all(const QueueOptions& options) {
  return options.history_bytes >= limits::history_bytes_default &&
         options.history_age_ms >= limits::history_age_ms_default;
}

bool same(const ModelJob& job, const std::string& queue, const FinishedView& view) {
  const Outcome outcome = job.is == Is::dead ? Outcome::failed : job.outcome;
  return view.outcome == outcome && view.queue_name == queue && view.attempt == job.token.attempt &&
         view.handler == job.spec->handler && view.batch == job.batch && view.parent == job.parent &&
         view.key == job.key;
}

bool by_time(const Remembered& a, const Remembered& b) { return a.at < b.at; }

}  // namespace

void Model::remember(const ModelJob& job, Wall at) {
  ModelQueue& queue = now_.queues[job.queue];
  if (!remembers(queue.options)) return;
  queue.history.push_back({job.id, std::chrono::floor<std::chrono::milliseconds>(at)});
  ++queue.sure;
  bound_history(queue);
}

void Model::bound_history(ModelQueue& queue) {
  if (!remembers(queue.options)) queue.history.clear();
  if (!has_room_for_all(queue.options)) queue.sure = 0;
}

// From the oldest one on, up to one that ended later: clocks are set back.
void Model::on(const change::PurgeHistory& change) {
  ModelQueue& queue = now_.queues.at(change.queue);
  while (!queue.history.empty() && queue.history.front().at < change.before) queue.history.pop_front();
  queue.sure = std::min(queue.sure, queue.history.size());
}

void Model::compare_history(const Core& core, Now now) const {
  std::map<JobId, FinishedView> told;
  for (const FinishedView& view : core.finished({}, 0, 1'000'000).jobs) {
    if (!told.emplace(view.id, view).second) throw Broken(fmt::format("job {} is told twice", view.id));
  }
  const auto must_be_told = [&](JobId id, const std::string& queue) {
    const auto view = told.find(id);
    if (view == told.end())
      throw Broken(fmt::format("the history of {} does not tell of: {}", queue, describe(id)));
    if (!same(now_.jobs.at(id), queue, view->second))
      throw Broken(
          fmt::format("the history tells of job {} in {}: {}, attempt {}, batch {}, key '{}'; but {}", id,
                      view->second.queue_name, word(view->second.outcome), view->second.attempt,
                      view->second.batch, view->second.key, describe(id)));
    told.erase(view);
  };
  for (const QueueView& view : core.queues()) {
    const ModelQueue& queue = now_.queues.at(view.id);
    check_bounds(queue, view, now);
    for (std::size_t i = queue.history.size() - view.history_jobs; i < queue.history.size(); ++i)
      must_be_told(queue.history[i].job, queue.name);
  }
  for (const auto& [id, job] : now_.jobs) {
    if (job.is == Is::dead && !job.gone) must_be_told(id, now_.queues[job.queue].name);
  }
  if (!told.empty())
    throw Broken(fmt::format("the history tells too much: {}", describe(told.begin()->first)));
}

void Model::check_bounds(const ModelQueue& queue, const QueueView& view, Now now) const {
  const auto broken = [&](const char* what) {
    throw Broken(fmt::format("the history of {} ({} jobs in {} bytes) {}", queue.name, view.history_jobs,
                             view.history_bytes, what));
  };
  if (view.history_bytes > queue.options.history_bytes) broken("takes more than it may");
  if (view.history_jobs > queue.history.size()) broken("has jobs that never ended, or were purged");
  if (view.history_jobs < queue.sure) broken("has lost some");
  if (view.history_jobs == 0) return;
  // It is looked through in strides, and goes by the latest that ended before clocks were set back.
  const auto oldest = queue.history.end() - static_cast<std::ptrdiff_t>(view.history_jobs);
  const Wall latest = std::max_element(queue.history.begin(), oldest + 1, by_time)->at;
  const Duration age = std::chrono::milliseconds(queue.options.history_age_ms);
  if (now.wall - latest > age + std::max(Duration(1s), age / 64)) broken("has some that are too old");
}

}  // namespace joinery::simulation
