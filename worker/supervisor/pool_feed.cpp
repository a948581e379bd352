// Feeding: what comes from the broker, which process gets which job, how much is held ahead.
#include <algorithm>
#include <cmath>

#include "shared/protocol/codec.h"
#include "worker/supervisor/pool_plan.h"

namespace joinery::worker {
namespace {

// What a process is given ahead, per thread: enough that it never waits for us. What waits there can't go to
// another process, so a job that runs longer than this has none behind it.
constexpr double feed_ahead_us = 2'000;
constexpr std::size_t fed_most = 4096;  // per thread
// Its oldest unfinished job is blamed for a crash: keep it honest.
constexpr std::size_t fed_most_no_board = 16;
// What is held ahead in all, per thread: enough to cover the way to the broker and back.
constexpr double capacity_ahead_us = 10'000;
constexpr double capacity_ahead_most = 8192;
constexpr double no_ahead_us = 1'000'000;  // jobs that run longer are better kept for another worker

constexpr std::size_t kinds_kept = 1024;

}  // namespace

Result<> PoolPlan::dispatch(Mono now, const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  Result<> result;
  std::set<std::size_t> touched;
  for (const auto& group : dispatch.groups) {
    JobKind* kind = kind_of(group.queue, group.spec, result);
    if (!kind) continue;
    for (const auto& one : group.jobs) {
      Job* job = store_.take();
      job->token = {one.job, one.attempt, group.epoch};
      job->batch = one.batch;
      job->kind = kind;
      job->payload = one.payload;
      job->inputs = one.inputs;
      ++kind->jobs;
      if (draining_) {
        finish(job, 0, Report::Kind::released);
      } else if (!kind->handler) {
        finish(job, 0, Report::Kind::rejected,
               {.code = Code::unknown_handler,
                .type = {},
                .message = "this worker has no handler called " + kind->spec.handler,
                .where = {},
                .dossier = {}});
      } else {
        job->frame = frame;
        pools_[kind->handler->pool].backlog.push_back(job);
      }
    }
    if (kind->handler) touched.insert(kind->handler->pool);
  }
  for (const std::size_t index : touched) feed(now, index);
  return result;
}

JobKind* PoolPlan::kind_of(const std::string& queue, Bytes spec, Result<>& result) {
  kind_key_.assign(queue).push_back('\0');
  kind_key_.append(spec);
  if (kinds_.size() > kinds_kept)
    std::erase_if(kinds_, [](const auto& entry) { return entry.second->jobs == 0; });
  auto& kind = kinds_[kind_key_];
  if (!kind) {
    auto decoded = protocol::decode_spec(spec);
    if (!decoded) {
      kinds_.erase(kind_key_);
      result = std::unexpected(decoded.error());
      return nullptr;
    }
    kind = std::make_unique<JobKind>();
    kind->queue = queue;
    kind->spec = std::move(*decoded);
  }
  if (!kind->handler) {
    const auto known = handlers_.find(kind->spec.handler);
    if (known != handlers_.end()) kind->handler = &known->second;
  }
  return kind.get();
}

// First each process gets its share, so that a few jobs run side by side; then whoever has room gets more.
void PoolPlan::feed(Mono now, std::size_t index) {
  Pool& pool = pools_[index];
  if (pool.backlog.empty() || pool.processes.empty()) return;
  const std::size_t share = (pool.backlog.size() + pool.processes.size() - 1) / pool.processes.size();
  for (const std::size_t most : {share, pool.backlog.size()}) {
    for (const ProcessId id : pool.processes) {
      if (pool.backlog.empty()) return;
      feed_process(now, id, processes_.at(id), pool.backlog, most);
    }
  }
}

std::size_t PoolPlan::feed_process(Mono now, ProcessId id, Process& process, JobList& backlog,
                                   std::size_t most) {
  const std::size_t first = actions_.fed.size();
  while (!backlog.empty() && actions_.fed.size() - first < most && has_room(now, process, *backlog.front())) {
    Job* job = backlog.front();
    backlog.remove(job);
    if (process.jobs.empty()) {
      process.last_outcome = now;
      process.queued_us = 0;
    }
    job->fed_at = now;
    job->estimated_us = static_cast<std::uint32_t>(std::min(job->kind->handler->run_time.us(), 1e9));
    process.queued_us += job->estimated_us;
    process.jobs.push_back(job);
    ++process.given;
    if (job->kind->limited()) process.look_at = std::min(process.look_at, now + job->kind->least_limit());
    actions_.fed.push_back(job);
  }
  const std::size_t count = actions_.fed.size() - first;
  if (count > 0) actions_.steps.emplace_back(action::Feed{id, first, count, !process.board});
  return count;
}

bool PoolPlan::has_room(Mono now, const Process& process, const Job& next) const {
  if (process.state != State::ready) return false;
  if (settings_.max_jobs_per_process != 0 && process.given >= settings_.max_jobs_per_process) return false;
  const std::size_t held = process.jobs.size();
  if (held < process.threads) return true;
  if (settings_.prefetch != 0) return held < std::size_t{process.threads} * (1 + settings_.prefetch);
  const RunTime& run_time = next.kind->handler->run_time;
  if (!run_time.known() || now - process.last_outcome >= stalled_after) return false;
  const std::size_t most = process.board ? fed_most * process.threads : fed_most_no_board;
  return held < most && process.queued_us + run_time.us() <= feed_ahead_us * process.threads;
}

std::uint32_t PoolPlan::capacity() const {
  if (draining_) return 0;
  double deliveries = 0;
  for (const auto& pool : pools_) {
    if (!pool.was_ready) continue;
    const std::size_t soon = pool.failures > 0 ? 0 : in_state(pool, State::starting);
    double ahead = settings_.prefetch;
    if (ahead == 0 && !pool.run_time.known()) ahead = 1;
    if (ahead == 0 && pool.run_time.us() < no_ahead_us) {
      ahead = std::clamp(capacity_ahead_us / std::max(pool.run_time.us(), 0.01), 1.0, capacity_ahead_most);
    }
    deliveries += static_cast<double>((in_state(pool, State::ready) + soon) * pool.settings.threads) *
                  (1 + std::floor(ahead));
  }
  // What is held must fit into one hello.
  return static_cast<std::uint32_t>(std::min(deliveries, double{limits::jobs_per_frame_max}));
}

}  // namespace joinery::worker
