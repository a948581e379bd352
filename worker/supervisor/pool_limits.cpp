// Time limits, memory limits, revocations and the drain: why a job or a process is stopped.
#include <algorithm>

#include "worker/supervisor/pool_plan.h"

namespace joinery::worker {
namespace {

// Of a job whose cancelling is told again, but was not heard the first time.
constexpr Duration grace_not_told = std::chrono::seconds(5);
// How often a revoked job that has not started is looked for on the board once its grace is over.
constexpr Duration look_again = std::chrono::milliseconds(100);

Duration milliseconds(std::uint64_t value) { return std::chrono::milliseconds(value); }

}  // namespace

void PoolPlan::kill(ProcessId id, Process& process, Killed why, JobId culprit) {
  if (process.state == State::killed) return;
  process.state = State::killed;
  process.killed = why;
  process.culprit = culprit;
  process.look_at = never_mono;
  actions_.steps.emplace_back(action::Kill{id});
}

// Without a board, the oldest unfinished job runs, since the last outcome.
void PoolPlan::what_runs(ProcessId id, const Process& process, std::vector<Running>& out) const {
  out.clear();
  if (process.board) return boards_(id, out);
  const Job* oldest = process.jobs.front();
  if (oldest) out.push_back({oldest->token.job, std::max(oldest->fed_at, process.last_outcome)});
}

// Looks again when the first limit can be over: of what runs, by its start; of what waits, as if it started
// now.
void PoolPlan::look(Mono now, ProcessId id, Process& process) {
  process.look_at = never_mono;
  if (process.state == State::killed) return;
  what_runs(id, process, running_);
  Mono next = never_mono;
  for (Job* job = process.jobs.front(); job && process.state != State::killed; job = job->next) {
    const auto ran = std::ranges::find(running_, job->token.job, &Running::job);
    if (ran != running_.end()) {
      next = std::min(next, check_running(now, id, process, *job, ran->since));
    } else {
      if (job->kind->limited()) next = std::min(next, now + job->kind->least_limit());
      if (job->revoked) next = std::min(next, std::max(job->kill_at, now + look_again));
    }
  }
  if (process.state != State::killed) process.look_at = next;
}

// When to look at this job again.
Mono PoolPlan::check_running(Mono now, ProcessId id, Process& process, Job& job, Mono since) {
  const Spec& spec = job.kind->spec;
  const Mono hard = spec.hard_timeout_ms ? since + milliseconds(spec.hard_timeout_ms) : never_mono;
  const Mono soft =
      spec.soft_timeout_ms && !job.soft_told ? since + milliseconds(spec.soft_timeout_ms) : never_mono;
  if (now >= hard) {
    kill(id, process, Killed::hard_limit, job.token.job);
    return never_mono;
  }
  if (now >= job.kill_at) {
    kill(id, process, Killed::revoked, job.token.job);
    return never_mono;
  }
  if (now >= soft) {
    job.soft_told = true;
    actions_.steps.emplace_back(action::Cancel{id, job.token.job, Code::soft_time_limit});
    return std::min(hard, job.kill_at);
  }
  return std::min({hard, soft, job.kill_at});
}

void PoolPlan::over_memory(ProcessId id, std::uint64_t bytes) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  found->second.memory_bytes = bytes;
  kill(id, found->second, Killed::memory);
}

// What waits in the process behind a long job would be better off elsewhere. A process that has begun one
// meanwhile may stop it; it is then handed back like the others.
void PoolPlan::call_back_waiting(ProcessId id, Process& process) {
  process.called_back = true;
  what_runs(id, process, running_);
  const auto runs = [this](JobId job) {
    return std::ranges::find(running_, job, &Running::job) != running_.end();
  };
  for (Job* job = process.jobs.front(); job; job = job->next) {
    if (job->called_back || runs(job->token.job)) continue;
    job->called_back = true;
    actions_.steps.emplace_back(action::Cancel{id, job->token.job, Code::shutting_down});
  }
}

void PoolPlan::revoke(Mono now, const protocol::Revoke& revoke) {
  const bool again = revoke.grace_ms == protocol::grace_as_told;
  const Duration grace = again ? grace_not_told : milliseconds(revoke.grace_ms);
  std::unordered_map<JobId, Token> wanted;
  for (const Token& token : revoke.tokens) wanted.emplace(token.job, token);
  const auto meant = [&wanted](const Job& job) {
    const auto found = wanted.find(job.token.job);
    return found != wanted.end() && found->second == job.token;
  };
  for (auto& pool : pools_) {
    for (Job *job = pool.backlog.front(), *next = nullptr; job; job = next) {
      next = job->next;
      if (!meant(*job)) continue;
      pool.backlog.remove(job);
      finish(job, 0, Report::Kind::cancelled);
    }
  }
  for (auto& [id, process] : processes_) {
    for (Job* job = process.jobs.front(); job; job = job->next) {
      if (meant(*job) && !(again && job->revoked)) revoke_fed(now, id, process, *job, revoke.reason, grace);
    }
  }
}

void PoolPlan::revoke_fed(Mono now, ProcessId id, Process& process, Job& job, Code reason, Duration grace) {
  job.revoked = true;
  job.kill_at = std::min(job.kill_at, now + grace);
  process.look_at = std::min(process.look_at, job.kill_at);
  actions_.steps.emplace_back(action::Cancel{id, job.token.job, reason});
}

void PoolPlan::drain(Mono now) {
  if (draining_) return;
  draining_ = true;
  drain_until_ = now + settings_.drain_timeout;
  for (auto& pool : pools_) release_backlog(pool);
  for (auto& [id, process] : processes_) {
    if (process.state == State::starting) {
      kill(id, process, Killed::drain);
    } else {
      call_back_waiting(id, process);
      stop_if_done(now, id, process);
    }
  }
}

void PoolPlan::abandon(Mono now) {
  drain(now);
  drain_until_ = never_mono;
  for (auto& [id, process] : processes_) kill(id, process, Killed::drain);
}

}  // namespace joinery::worker
