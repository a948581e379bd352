// How deliveries end: by an outcome, with their process, or by being handed back.
#include <algorithm>

#include "worker/supervisor/pool_plan.h"

namespace joinery::worker {
namespace {

// A process that ends so soon without having run a job counts as one that could not be started.
constexpr Duration short_life = std::chrono::seconds(1);

const std::string nil = "\xc0";  // msgpack's, the result of a handler that returns nothing

Failure failure_of(Code code, std::string type, std::string message) {
  return {.code = code, .type = std::move(type), .message = std::move(message), .where = {}, .dossier = {}};
}

std::string seconds(std::uint32_t ms) { return std::to_string(ms / 1000.0).substr(0, 5) + " s"; }

}  // namespace

void PoolPlan::succeeded(Mono now, ProcessId id, std::span<const JobId> jobs) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  Process& process = found->second;
  HandlerStats* handler = nullptr;
  const Mono since = process.last_outcome;
  std::size_t ended = 0;
  for (const JobId one : jobs) {
    Job* job = take_out(process, one);
    if (!job) continue;
    ++ended;
    handler = job->kind->handler;
    finish_success(job, id, since, nullptr);
  }
  if (ended > 0) measure(now, process, pools_[process.pool], ended, *handler);
  after_outcomes(now, id, process);
}

void PoolPlan::outcomes(Mono now, ProcessId id, pool::Done& done) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  Process& process = found->second;
  HandlerStats* handler = nullptr;
  std::size_t ended = 0;
  for (auto& one : done.outcomes) {
    Job* job = take_out(process, one.job);
    if (!job) continue;
    ++ended;
    handler = job->kind->handler;
    end_one(id, process, job, one);
  }
  if (ended > 0) measure(now, process, pools_[process.pool], ended, *handler);
  after_outcomes(now, id, process);
}

void PoolPlan::after_outcomes(Mono now, ProcessId id, Process& process) {
  process.called_back = false;
  feed(now, process.pool);
  stop_if_done(now, id, process);
}

// Null for a job that the process was not given: its mistake harms nobody.
Job* PoolPlan::take_out(Process& process, JobId id) {
  Job* job = process.jobs.find(id);
  if (!job) return nullptr;
  process.jobs.remove(job);
  process.queued_us -= job->estimated_us;
  ++process.finished;
  return job;
}

// The time since the last outcome, shared by those that came now.
void PoolPlan::measure(Mono now, Process& process, Pool& pool, std::size_t ended, HandlerStats& handler) {
  if (now <= process.last_outcome) return;
  const auto elapsed = static_cast<double>((now - process.last_outcome).count());
  const auto busy = static_cast<double>(std::min<std::size_t>(process.threads, process.jobs.size() + ended));
  const double sample = elapsed * busy / static_cast<double>(ended);
  handler.run_time.add(sample);
  pool.run_time.add(sample);
  process.last_outcome = now;
}

void PoolPlan::finish_success(Job* job, ProcessId process, Mono since, pool::Done::One* one) {
  const Spec& spec = job->kind->spec;
  const bool plain = !one || one->children.empty();
  if (plain && spec.result_inline_max > 0 && (!one || one->result.size() <= spec.result_inline_max)) {
    const bool empty = !one || one->result.empty();
    actions_.answered.emplace_back(job->token, empty ? nil : std::move(one->result));
    return forget(job);
  }
  if (plain && spec.result_ttl_s == 0) {
    actions_.succeeded.push_back(job->token);
    return forget(job);
  }
  Finished& end = actions_.finished.emplace_back();
  end.report.token = job->token;
  end.process = process;
  end.result_ttl_s = spec.result_ttl_s;
  end.content_type = spec.content_type;
  end.started = std::max(job->fed_at, since);
  if (one) {
    end.report.children = std::move(one->children);
    end.result = std::move(one->result);
  }
  if (end.result.empty()) end.result = nil;
  forget(job);
}

void PoolPlan::finish(Job* job, ProcessId process, Report::Kind kind, Failure failure, Bytes result) {
  using enum Report::Kind;
  Finished& end = actions_.finished.emplace_back();
  end.report.kind = kind;
  end.report.token = job->token;
  end.report.failure = std::move(failure);
  end.process = process;
  end.started = job->fed_at;
  // A watcher is told the failure with the outcome, but not what the job put out before it.
  const Spec& spec = job->kind->spec;
  const bool kept = (kind == failed || kind == rejected || kind == crashed) &&
                    (spec.result_inline_max == 0 || !result.empty());
  if (kept) end.result_ttl_s = spec.result_ttl_s;
  if (!result.empty() && end.result_ttl_s > 0) {
    end.result = result;
    end.content_type = spec.content_type;
  }
  forget(job);
}

void PoolPlan::end_one(ProcessId id, Process& process, Job* job, pool::Done::One& one) {
  using enum Report::Kind;
  if (one.ok) return finish_success(job, id, process.last_outcome, &one);
  if (job->revoked) return finish(job, id, cancelled);
  if (job->called_back && one.failure.code == Code::shutting_down) return finish(job, id, released);
  finish(job, id, one.retry ? failed : rejected, std::move(one.failure), one.result);
}

void PoolPlan::exited(Mono now, ProcessId id, const Crash& crash) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  Process& process = found->second;
  const std::size_t index = process.pool;
  what_runs(id, process, running_);
  const bool idle = process.jobs.empty();
  while (Job* job = process.jobs.front()) {
    process.jobs.remove(job);
    const auto ran = std::ranges::find(running_, job->token.job, &Running::job);
    end_left(now, id, process, crash, job, ran == running_.end() ? nullptr : &*ran);
  }
  const bool never_ready = process.state == State::starting || process.killed == Killed::start;
  const bool useless =
      process.state == State::ready && idle && process.finished == 0 && now - process.started < short_life;
  pools_[index].processes.erase(id);
  if (never_ready || useless) {
    std::string why = "the pool process ended before it " +
                      std::string(never_ready ? "said ready" : "ran a job") + ": " + describe(crash);
    if (process.killed == Killed::start) why = "the pool process was not ready and was killed";
    if (!crash.last_lines.empty()) why += ": " + crash.last_lines;
    start_failed(now, index, why);
  }
  processes_.erase(found);
  start_missing(now, index);
  feed(now, index);
}

// A job that its process left behind. Those that did not run are handed back and cost nothing, and so are
// those that ran beside the one for which we killed it.
void PoolPlan::end_left(Mono now, ProcessId id, const Process& process, const Crash& crash, Job* job,
                        const Running* ran) {
  using enum Report::Kind;
  const Spec& spec = job->kind->spec;
  const bool culprit = process.culprit == job->token.job;
  if (job->revoked) return finish(job, id, cancelled);
  if (!ran) return finish(job, id, released);
  switch (process.killed) {
    case Killed::hard_limit:
      if (!culprit) return finish(job, id, released);
      return finish(job, id, failed,
                    failure_of(Code::hard_time_limit, "hard time limit",
                               "ran longer than " + seconds(spec.hard_timeout_ms) + " and was killed"));
    case Killed::memory:
      return finish(
          job, id, failed,
          failure_of(Code::memory_limit, "memory limit",
                     "its pool process and what it started used " +
                         std::to_string(process.memory_bytes >> 20) + " MiB of memory and were killed"));
    case Killed::revoked:
    case Killed::drain:
    case Killed::start: return finish(job, id, released);
    case Killed::no: break;
  }
  Failure failure =
      failure_of(Code::process_died, kind_word(crash), "the pool process ended: " + describe(crash));
  failure.dossier = dossier(crash, now - ran->since);
  finish(job, id, crashed, std::move(failure));
}

void PoolPlan::release_backlog(Pool& pool) {
  while (Job* job = pool.backlog.front()) {
    pool.backlog.remove(job);
    finish(job, 0, job->revoked ? Report::Kind::cancelled : Report::Kind::released);
  }
}

void PoolPlan::forget(Job* job) {
  --job->kind->jobs;
  store_.give_back(job);
}

}  // namespace joinery::worker
