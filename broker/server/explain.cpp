#include "broker/server/explain.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace joinery::broker::server {

namespace {

using protocol::Value;

std::string at(Wall time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", std::chrono::time_point_cast<std::chrono::seconds>(time));
}

bool has(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const std::string& one) { return one == name || one == "*"; });
}

std::string grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::int64_t unix_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Reason explain_paused(const QueueView& queue) {
  Reason reason{"paused", fmt::format("queue '{}' was paused", queue.name)};
  if (!queue.paused_by.empty()) reason.text += fmt::format(" by {}", queue.paused_by);
  reason.text += fmt::format(" at {}", at(queue.paused_since));
  if (!queue.pause_reason.empty()) reason.text += fmt::format(": {}", queue.pause_reason);
  reason.details.set("by", queue.paused_by);
  reason.details.set("since_ms", unix_ms(queue.paused_since));
  reason.details.set("why", queue.pause_reason);
  return reason;
}

Reason explain_key(const KeyWait& wait) {
  Reason reason{wait.ordered ? "order" : "key", {}};
  reason.details.set("key", wait.node);
  reason.details.set("running", wait.running);
  if (wait.most != 0) reason.details.set("most", wait.most);
  if (wait.ordered) {
    reason.text =
        fmt::format("an earlier job of key '{}' is not through, and its jobs keep their order", wait.node);
    return reason;
  }
  reason.text = fmt::format("waits for key '{}'", wait.node);
  std::string why;
  if (wait.most != 0) why = fmt::format("{} of {} running", wait.running, wait.most);
  if (wait.free_in) {
    const double seconds = static_cast<double>(wait.free_in->count()) / 1e6;
    why += fmt::format("{}next slot in {:.1f} s", why.empty() ? "" : "; ", seconds);
    reason.details.set("free_in_ms", (wait.free_in->count() + 999) / 1000);
  }
  reason.text += fmt::format(" ({})", why);
  return reason;
}

// The workers that could run it.
struct Able {
  std::size_t serving = 0;
  std::size_t able = 0;
  std::uint64_t holds = 0;
  std::uint64_t capacity = 0;
  bool room = false;
};

Able find_workers(const Core& core, std::string_view queue, const std::string& handler) {
  Able found;
  for (const WorkerView& worker : core.workers()) {
    if (!worker.connected || !has(worker.info->queues, queue)) continue;
    ++found.serving;
    if (!has(worker.info->handlers, handler)) continue;
    ++found.able;
    found.holds += worker.holds;
    found.capacity += worker.info->capacity;
    found.room = found.room || worker.holds < worker.info->capacity;
  }
  return found;
}

Reason explain_blocked(const JobView& job) {
  constexpr std::size_t most = 5;
  Reason reason{"blocked", {}};
  Value jobs = Value::array();
  Value batches = Value::array();
  std::size_t left = 0;
  for (const Waits::For& first : job.waits->all) {
    if (first.done) continue;
    (first.batch ? batches : jobs).push(first.id);
    if (++left > most) continue;
    reason.text += fmt::format("{}{} {}", reason.text.empty() ? "blocked by " : ", ",
                               first.batch ? "batch" : "job", first.id);
  }
  if (left > most) reason.text += fmt::format(" and {} more", left - most);
  reason.details.set("jobs", std::move(jobs));
  reason.details.set("batches", std::move(batches));
  return reason;
}

Reason explain_turn(const Core& core, const JobView& job, const QueueView& queue, const Able& found,
                    std::uint64_t ahead_max) {
  Reason reason{"turn", {}};
  const std::uint64_t ahead = ahead_max == 0 ? 0 : core.ahead_of(job.id, ahead_max);
  if (ahead != 0) {
    reason.text = fmt::format("behind {}{} {} of queue '{}'", ahead == ahead_max ? "at least " : "",
                              grouped(ahead), ahead == 1 ? "job" : "jobs", queue.name);
    reason.details.set("ahead", ahead);
  } else if (ahead_max == 0) {
    reason.text = fmt::format("waits for its turn in queue '{}'", queue.name);
  }
  if (found.room && !reason.text.empty()) return reason;
  if (found.room) {
    reason.text = fmt::format("is next in queue '{}'", queue.name);
    return reason;
  }
  if (reason.text.empty()) {
    reason.word = "no_credit";
    reason.text = fmt::format("is next in queue '{}', but {} {} no credit", queue.name,
                              found.able == 1 ? "its worker" : fmt::format("its {} workers", found.able),
                              found.able == 1 ? "has" : "have");
  }
  reason.text += fmt::format(" ({} of {} deliveries held)", found.holds, found.capacity);
  reason.details.set("holds", found.holds);
  reason.details.set("capacity", found.capacity);
  return reason;
}

Reason explain_ready(const Core& core, Now now, const JobView& job, const QueueView& queue,
                     std::uint64_t ahead_max) {
  if (queue.paused) return explain_paused(queue);
  const std::string& handler = core.spec(job.spec).handler;
  const Able found = find_workers(core, queue.name, handler);
  if (found.serving == 0) {
    Reason reason{"no_worker", fmt::format("no connected worker serves queue '{}'", queue.name)};
    reason.details.set("queue", queue.name);
    return reason;
  }
  if (found.able == 0) {
    Reason reason{"no_handler", fmt::format("no connected worker has handler '{}' ({} serve queue '{}')",
                                            handler, found.serving, queue.name)};
    reason.details.set("handler", handler);
    return reason;
  }
  if (const auto wait = core.key_wait(now, job.id)) return explain_key(*wait);
  return explain_turn(core, job, queue, found, ahead_max);
}

Reason explain_scheduled(const JobView& job) {
  Reason reason{job.attempt == 0 ? "scheduled" : "backoff", {}};
  const std::string until = job.due ? fmt::format(" {}", at(*job.due)) : "";
  if (job.due) reason.details.set("due_ms", unix_ms(*job.due));
  if (job.attempt == 0) {
    reason.text = "scheduled for" + until;
  } else {
    reason.text = fmt::format("waits until{} for its next attempt; attempt {} failed", until, job.attempt);
  }
  return reason;
}

// A limit that it ran into is told with what it did about it: "signal: 15: SIGTERM (soft_time_limit)".
std::string cause_of(const Failure& failure) {
  const char* colon = failure.type.empty() || failure.message.empty() ? "" : ": ";
  const bool limit = failure.code == Code::soft_time_limit || failure.code == Code::hard_time_limit;
  return fmt::format("{}{}{}{}", failure.type, colon, failure.message,
                     limit ? fmt::format(" ({})", word(failure.code)) : "");
}

// What became of a job, without when and by what.
std::string_view ended_text(const Core& core, const JobView& job, BatchId batch) {
  if (job.state == State::failed) return "it failed for good";
  switch (*job.outcome) {
    case Outcome::succeeded: return "it has succeeded";
    case Outcome::failed: return "it failed for good, and its dead letter was deleted";
    case Outcome::expired:
      return job.attempt == 0 ? "it expired before it was started" : "it expired at its deadline";
    case Outcome::cancelled: break;
  }
  const auto found = core.batch(batch);
  return found && found->cancelled ? "it was cancelled with its batch" : "it was cancelled";
}

}  // namespace

Reason explain_ended(const Core& core, const JobView& job) {
  const auto ended = core.finished(job.id);
  Reason reason{job.state == State::failed ? "dead" : "finished", {}};
  const BatchId batch = ended ? ended->batch : job.batch;
  reason.text = ended_text(core, job, batch);
  reason.details.set("outcome", word(*job.outcome));
  if (job.outcome == Outcome::cancelled && batch != 0) reason.details.set("batch", batch);
  if (ended) {
    reason.text += fmt::format(" at {}", at(ended->ended_at));
    reason.details.set("ended_at_ms", unix_ms(ended->ended_at));
  }
  const Failure* failure = ended && job.outcome != Outcome::succeeded ? ended->last_failure : nullptr;
  if (failure != nullptr) {
    reason.details.set("cause", cause_of(*failure));
    const bool earlier =
        job.outcome != Outcome::failed && failure->code != Code::cancelled && failure->code != Code::expired;
    reason.text += fmt::format("{}: {}", earlier ? "; its last failure" : "", cause_of(*failure));
  }
  if (job.state == State::failed) reason.text += "; it runs again only with `dead retry`";
  return reason;
}

Reason explain(const Core& core, Now now, const JobView& job, std::uint64_t ahead_max) {
  if (job.outcome && job.state != State::failed) return {"finished", {}};
  const std::optional<QueueView> queue = core.queue(job.queue_name);
  if (!queue) return {"finished", {}};
  switch (job.state) {
    case State::parked:
      return {"parked", fmt::format("not accepted yet: queue '{}' is full ({} jobs)", queue->name,
                                    queue->options.maxsize)};
    case State::scheduled: return explain_scheduled(job);
    case State::blocked: return explain_blocked(job);
    case State::ready: return explain_ready(core, now, job, *queue, ahead_max);
    case State::running: return {"running", {}};
    case State::failed:
      return {"dead", "dead letter: it failed for good, and runs again only with `dead retry`"};
  }
  return {};
}

}  // namespace joinery::broker::server
