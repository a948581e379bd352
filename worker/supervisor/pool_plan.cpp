// Processes and feeding: who starts, who gets which job, how much is held ahead.
#include "worker/supervisor/pool_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "shared/protocol/codec.h"

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
// A process that said nothing for so long while jobs wait behind those that run is given no more, and asked
// for those back.
constexpr Duration stalled_after = std::chrono::milliseconds(50);

// A process that closed its socket has so long to exit.
constexpr Duration closed_timeout = std::chrono::seconds(1);

constexpr Duration start_delay_first = std::chrono::milliseconds(100);
constexpr Duration start_delay_most = std::chrono::seconds(10);
constexpr std::uint32_t failures_to_withdraw = 3;  // after which a pool's handlers are not announced

std::int64_t whole_seconds(Duration duration) { return duration / std::chrono::seconds(1); }

}  // namespace

void Actions::clear() {
  for (Job* job : fed) {
    job->payload = {};
    job->inputs = {};
    job->frame.reset();
  }
  steps.clear();
  fed.clear();
  succeeded.clear();
  answered.clear();
  finished.clear();
}

PoolPlan::PoolPlan(PlanSettings settings, Boards boards, Actions& actions)
    : settings_(std::move(settings)), boards_(std::move(boards)), actions_(actions) {
  pools_.resize(settings_.pools.size());
  for (std::size_t i = 0; i < pools_.size(); ++i) pools_[i].settings = settings_.pools[i];
}

void PoolPlan::begin(Mono now) {
  for (std::size_t i = 0; i < pools_.size(); ++i) start_missing(now, i);
}

// While starts fail, one process at a time tries.
void PoolPlan::start_missing(Mono now, std::size_t index) {
  Pool& pool = pools_[index];
  if (draining_ || now < pool.start_at) return;
  const bool trying = in_state(pool, State::starting) > 0;
  if (pool.failures > 0 && trying) return;
  while (pool.processes.size() < pool.settings.processes) {
    const ProcessId id = next_process_++;
    Process& process = processes_[id];
    process.pool = index;
    process.threads = pool.settings.threads;
    process.started = now;
    pool.processes.insert(id);
    actions_.steps.emplace_back(action::Start{id, index});
    if (pool.failures > 0) return;
  }
}

// Processes that were started together and fail together count once.
void PoolPlan::start_failed(Mono now, std::size_t index, const std::string& why) {
  Pool& pool = pools_[index];
  if (draining_ || now < pool.start_at) return;
  const auto doublings = std::min<std::uint32_t>(pool.failures++, 10);
  const Duration delay = std::min(start_delay_first * (1 << doublings), start_delay_most);
  pool.start_at = now + delay;
  actions_.steps.emplace_back(action::Problem{Error{Code::start_failed, why, pool.settings.name}});
  if (pool.failures == failures_to_withdraw) release_backlog(pool);
}

void PoolPlan::ready(Mono now, ProcessId id, const pool::Ready& ready) {
  const auto found = processes_.find(id);
  if (found == processes_.end() || found->second.state != State::starting) return;
  Process& process = found->second;
  if (ready.version != pool::version) {
    actions_.steps.emplace_back(
        action::Problem{Error{Code::unsupported_version,
                              "the pool process speaks version " + std::to_string(ready.version) +
                                  " of its protocol, expected " + std::to_string(pool::version),
                              pools_[process.pool].settings.name}});
    return kill(id, process, Killed::start);
  }
  Pool& pool = pools_[process.pool];
  process.state = State::ready;
  process.board = ready.board;
  process.last_outcome = now;
  pool.was_ready = true;
  pool.failures = 0;
  pool.start_at = {};
  take_handlers(process.pool, ready);
  start_missing(now, process.pool);
  feed(now, process.pool);
  stop_if_done(now, id, process);
}

void PoolPlan::closed(Mono now, ProcessId id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  if (found->second.state == State::ready) found->second.state = State::stopping;
  found->second.end_by = std::min(found->second.end_by, now + closed_timeout);
}

// A process of handler.NAME that names no handler has the one called NAME.
void PoolPlan::take_handlers(std::size_t index, const pool::Ready& ready) {
  Pool& pool = pools_[index];
  auto names = ready.handlers;
  if (names.empty() && !pool.settings.name.empty()) names.push_back(pool.settings.name);
  for (const auto& name : names) {
    if (pool.handlers.contains(name)) continue;
    const auto [entry, added] = handlers_.try_emplace(name, HandlerStats{index, {}});
    if (added) {
      pool.handlers.insert(name);
    } else {
      actions_.steps.emplace_back(action::Problem{
          Error{Code::invalid_config, "handler " + name + " is offered by two pools; the first keeps it",
                pool.settings.name}});
    }
  }
}

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
  if (kinds_.size() > kinds_most_) {
    std::erase_if(kinds_, [](const auto& entry) { return entry.second->jobs == 0; });
    kinds_most_ = std::max(kinds_kept, 2 * kinds_.size());  // else each group would look through them
  }
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

std::size_t PoolPlan::in_state(const Pool& pool, State state) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(pool.processes, [&](ProcessId id) { return processes_.at(id).state == state; }));
}

void PoolPlan::stop_if_done(Mono now, ProcessId id, Process& process) {
  if (process.state != State::ready || !process.jobs.empty()) return;
  const bool worn = settings_.max_jobs_per_process != 0 && process.given >= settings_.max_jobs_per_process;
  if (!draining_ && !worn) return;
  process.state = State::stopping;
  process.end_by = now + settings_.stop_timeout;
  actions_.steps.emplace_back(action::Stop{id});
}

void PoolPlan::tick(Mono now) {
  for (std::size_t i = 0; i < pools_.size(); ++i) start_missing(now, i);
  if (now >= drain_until_) abandon(now);
  for (auto& [id, process] : processes_) tick_process(now, id, process);
}

void PoolPlan::tick_starting(Mono now, ProcessId id, Process& process) {
  Pool& pool = pools_[process.pool];
  if (now >= process.started + settings_.ready_timeout) return kill(id, process, Killed::start);
  if (pool.was_ready || now < process.started + settings_.slow_after || std::exchange(pool.slow, true))
    return;
  actions_.steps.emplace_back(action::Problem{
      Error{Code::start_failed,
            fmt::format("its process has not said ready for {} s; it is killed after {} s. Does it speak the "
                        "protocol of pool processes on descriptor 3?",
                        whole_seconds(settings_.slow_after), whole_seconds(settings_.ready_timeout)),
            pool.settings.name}});
}

void PoolPlan::tick_process(Mono now, ProcessId id, Process& process) {
  if (process.state == State::starting) tick_starting(now, id, process);
  if (now >= process.end_by) {
    process.end_by = never_mono;
    actions_.steps.emplace_back(action::Kill{id});
  }
  if (now >= process.look_at) look(now, id, process);
  const bool stalled = now >= process.last_outcome + stalled_after;
  if (process.state == State::ready && stalled && process.jobs.size() > process.threads && process.board &&
      !process.called_back && settings_.prefetch == 0) {
    call_back_waiting(id, process);
  }
}

Mono PoolPlan::wake_at(const Process& process) const {
  if (process.state == State::starting) {
    const Pool& pool = pools_[process.pool];
    const bool told = pool.was_ready || pool.slow;
    return process.started + (told ? settings_.ready_timeout : settings_.slow_after);
  }
  const Mono next = std::min(process.look_at, process.end_by);
  const bool may_stall = process.state == State::ready && process.jobs.size() > process.threads &&
                         process.board && !process.called_back && settings_.prefetch == 0;
  return may_stall ? std::min(next, process.last_outcome + stalled_after) : next;
}

Mono PoolPlan::next_deadline() const {
  Mono next = drain_until_;
  for (const auto& [id, process] : processes_) next = std::min(next, wake_at(process));
  for (const auto& pool : pools_) {
    if (!draining_ && pool.failures > 0 && in_state(pool, State::starting) == 0)
      next = std::min(next, pool.start_at);
  }
  return next;
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

void PoolPlan::held_tokens(std::vector<Token>& out) const {
  const auto add = [&out](const JobList& list) {
    for (const Job* job = list.front(); job; job = job->next) out.push_back(job->token);
  };
  for (const auto& [id, process] : processes_) add(process.jobs);
  for (const auto& pool : pools_) add(pool.backlog);
}

std::optional<Token> PoolPlan::token(ProcessId id, JobId job) const {
  const auto process = processes_.find(id);
  const Job* found = process == processes_.end() ? nullptr : process->second.jobs.find(job);
  return found ? std::optional(found->token) : std::nullopt;
}

std::vector<std::string> PoolPlan::handlers() const {
  std::set<std::string> names;
  for (const auto& pool : pools_) {
    if (pool.failures < failures_to_withdraw) names.insert(pool.handlers.begin(), pool.handlers.end());
  }
  return {names.begin(), names.end()};
}

bool PoolPlan::settled() const {
  return std::ranges::all_of(
      pools_, [](const Pool& pool) { return pool.was_ready || pool.slow || pool.failures > 0; });
}

bool PoolPlan::hopeless() const {
  return std::ranges::all_of(
      pools_, [](const Pool& pool) { return !pool.was_ready && pool.failures >= failures_to_withdraw; });
}

bool PoolPlan::gone() const { return draining_ && processes_.empty(); }

}  // namespace joinery::worker
