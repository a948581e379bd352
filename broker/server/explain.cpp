#include "broker/server/explain.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace joinery::broker::server {

namespace {

std::string at(Wall time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::time_point_cast<std::chrono::seconds>(time));
}

bool has(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const std::string& one) { return one == name || one == "*"; });
}

std::string explain_paused(const QueueView& queue) {
  std::string text = fmt::format("queue '{}' was paused", queue.name);
  if (!queue.paused_by.empty()) text += fmt::format(" by {}", queue.paused_by);
  text += fmt::format(" at {}", at(queue.paused_since));
  if (!queue.pause_reason.empty()) text += fmt::format(": {}", queue.pause_reason);
  return text;
}

std::string explain_ready(const Core& core, const JobView& job, const QueueView& queue) {
  const std::string& handler = core.spec(job.spec).handler;
  std::size_t serving = 0;
  std::size_t able = 0;
  for (const WorkerView& worker : core.workers()) {
    if (!worker.connected || !has(worker.info->queues, queue.name)) continue;
    ++serving;
    if (has(worker.info->handlers, handler)) ++able;
  }
  if (serving == 0) return fmt::format("no connected worker serves queue '{}'", queue.name);
  if (able == 0) {
    return fmt::format("no connected worker has handler '{}' ({} serve queue '{}')", handler, serving,
                       queue.name);
  }
  return fmt::format("waits for its turn: {} ready and {} running in queue '{}', {} {}", queue.counts.ready,
                     queue.counts.running, queue.name, able, able == 1 ? "worker" : "workers");
}

std::string explain_blocked(const JobView& job) {
  constexpr std::size_t most = 5;
  std::string text;
  std::size_t left = 0;
  for (const Waits::For& first : job.waits->all) {
    if (first.done || ++left > most) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", first.batch ? "batch" : "job", first.id);
  }
  if (left > most) text += fmt::format(" and {} more", left - most);
  return "blocked by " + text;
}

std::string explain_scheduled(const JobView& job) {
  const std::string until = job.due ? fmt::format(" until {}", at(*job.due)) : "";
  if (job.attempt == 0) return "scheduled" + until;
  return fmt::format("waits{} for its next attempt; attempt {} failed", until, job.attempt);
}

}  // namespace

std::string explain(const Core& core, const JobView& job) {
  if (job.outcome && job.state != State::failed) return {};
  const std::optional<QueueView> queue = core.queue(job.queue_name);
  if (!queue) return {};
  switch (job.state) {
    case State::parked:
      return fmt::format("not accepted yet: queue '{}' is full ({} jobs)", queue->name,
                         queue->options.maxsize);
    case State::scheduled: return explain_scheduled(job);
    case State::blocked: return explain_blocked(job);
    case State::ready: return queue->paused ? explain_paused(*queue) : explain_ready(core, job, *queue);
    case State::running: return {};
    case State::failed: return "dead letter: it failed for good, and runs again only with `dead retry`";
  }
  return {};
}

}  // namespace joinery::broker::server
