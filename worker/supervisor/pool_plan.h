// Decides what the pools do: which process starts, which job goes to which process, what is killed and when,
// and what is reported of each delivery. Values in, actions out; knows no process, socket or clock.
//
//   PoolPlan plan(settings, boards, actions);
//   plan.begin(now);                    // -> Start
//   plan.ready(now, process, ready);
//   plan.dispatch(now, frame, groups);  // -> Feed
//   plan.outcomes(now, process, done);  // -> actions.succeeded, actions.finished
//   plan.exited(now, process, exit);    // -> reports, Start
//   perform(actions); actions.clear();
//
// Life of a process: starting -> ready -> stopping (asked to exit) or killed -> gone. Its number is never
// used again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "shared/protocol/messages.h"
#include "shared/protocol/pool.h"
#include "worker/supervisor/crash.h"
#include "worker/supervisor/job_record.h"

namespace joinery::worker {

using ProcessId = std::uint32_t;

struct PoolSettings {
  std::string name;  // of the table handler.NAME; empty: the built-in pool
  std::uint32_t processes = 1;
  std::uint32_t threads = 1;
};

struct PlanSettings {
  std::vector<PoolSettings> pools;
  std::uint32_t prefetch = 0;              // jobs ahead per thread; 0: by run time
  std::uint32_t max_jobs_per_process = 0;  // 0: no limit
  Duration drain_timeout = std::chrono::seconds(30);
  Duration ready_timeout = std::chrono::seconds(30);  // a process that does not say ready by then is killed
  Duration slow_after = std::chrono::seconds(5);      // and by then, others do not wait for its pool any more
  Duration stop_timeout = std::chrono::seconds(30);   // and one that was asked to exit and did not
};

// A job that a process's board shows as running.
struct Running {
  JobId job = 0;
  Mono since{};
};
// Reads the board of a process; only asked of those that said they keep one.
using Boards = std::function<void(ProcessId, std::vector<Running>&)>;

namespace action {
struct Start {
  ProcessId process = 0;
  std::size_t pool = 0;
};
// Jobs actions.fed[first, first + count), in order, to one process.
struct Feed {
  ProcessId process = 0;
  std::size_t first = 0;
  std::size_t count = 0;
  bool one_by_one = false;  // a run frame each: the process keeps no board
};
struct Cancel {
  ProcessId process = 0;
  JobId job = 0;
  Code reason = Code::cancelled;
};
struct Stop {  // ask it to exit
  ProcessId process = 0;
};
struct Kill {  // its whole process group
  ProcessId process = 0;
};
struct Problem {  // for the log
  Error error;
};
}  // namespace action
using Action =
    std::variant<action::Start, action::Feed, action::Cancel, action::Stop, action::Kill, action::Problem>;

// A delivery that ended with more to say than success.
struct Finished {
  Report report;
  ProcessId process = 0;  // 0: none had it
  std::string result;     // of a success whose result is kept; or kept beside a failure
  std::string content_type;
  std::uint32_t result_ttl_s = 0;  // 0: nothing goes to Redis
  Mono started{};
};

// Filled by the plan; the caller performs and clears. `fed` records are valid until then.
struct Actions {
  std::vector<Action> steps;
  std::vector<Job*> fed;
  std::vector<Token> succeeded;                         // nothing else to say
  std::vector<std::pair<Token, std::string>> answered;  // the same, with a result for those who watch
  std::vector<Finished> finished;

  bool empty() const { return steps.empty() && succeeded.empty() && answered.empty() && finished.empty(); }
  void clear();
};

class PoolPlan {
 public:
  PoolPlan(PlanSettings settings, Boards boards, Actions& actions);

  void begin(Mono now);
  void ready(Mono now, ProcessId process, const pool::Ready& ready);
  // Views of `dispatch` point into `frame`. Error: a spec that cannot be decoded.
  Result<> dispatch(Mono now, const DispatchFrame& frame, const protocol::Dispatch& dispatch);
  // Plain successes, and everything else. Order between the two has no meaning.
  void succeeded(Mono now, ProcessId process, std::span<const JobId> jobs);
  void outcomes(Mono now, ProcessId process, pool::Done& done);
  // It closed its socket: it will be given no more, and should exit.
  void closed(Mono now, ProcessId process);
  // After the last of its outcomes was given; its board can still be read.
  void exited(Mono now, ProcessId process, const Crash& crash);
  // It and what it started use so much.
  void over_memory(ProcessId process, std::uint64_t bytes);
  void revoke(Mono now, const protocol::Revoke& revoke);

  // No new jobs; release what was not fed; let the rest finish until the drain timeout, then kill.
  void drain(Mono now);
  // The same, at once.
  void abandon(Mono now);
  bool gone() const;  // after drain: no process is left

  void tick(Mono now);
  Mono next_deadline() const;

  // Deliveries to hold at a time.
  std::uint32_t capacity() const;
  std::size_t held() const { return store_.held(); }
  void held_tokens(std::vector<Token>& out) const;
  // Of a job that the process was given and has not ended.
  std::optional<Token> token(ProcessId process, JobId job) const;
  // What to announce: of pools that work, sorted.
  std::vector<std::string> handlers() const;
  // Each pool had a process that was ready, has failed to start one, or takes long.
  bool settled() const;
  // No process was ever ready, and each pool has failed several times.
  bool hopeless() const;

 private:
  enum class State : std::uint8_t { starting, ready, stopping, killed };
  enum class Killed : std::uint8_t { no, hard_limit, memory, revoked, drain, start };
  struct Process {
    std::size_t pool = 0;
    std::uint32_t threads = 1;
    State state = State::starting;
    Killed killed = Killed::no;
    JobId culprit = 0;  // whom the kill concerns
    bool board = false;
    JobList jobs;
    std::uint64_t given = 0;
    std::uint64_t finished = 0;
    double queued_us = 0;  // estimated work in `jobs`
    Mono started{};
    Mono last_outcome{};
    Mono look_at = never_mono;       // when to check time limits
    Mono end_by = never_mono;        // killed if it has not exited by then
    bool called_back = false;        // what waits behind a long job was asked back
    std::uint64_t memory_bytes = 0;  // for which it was killed
  };
  struct Pool {
    PoolSettings settings;
    JobList backlog;
    std::set<ProcessId> processes;
    std::set<std::string> handlers;
    std::uint32_t failures = 0;  // starts in a row that came to nothing
    Mono start_at{};             // when missing processes may be started
    bool was_ready = false;
    bool slow = false;  // its first process has not said ready for long, which was told
    RunTime run_time;
  };

  // pool_plan.cpp: processes and feeding
  void start_missing(Mono now, std::size_t index);
  void start_failed(Mono now, std::size_t index, const std::string& why);
  void take_handlers(std::size_t index, const pool::Ready& ready);
  void feed(Mono now, std::size_t index);
  std::size_t feed_process(Mono now, ProcessId id, Process& process, JobList& backlog, std::size_t most);
  bool has_room(Mono now, const Process& process, const Job& next) const;
  std::size_t in_state(const Pool& pool, State state) const;
  void stop_if_done(Mono now, ProcessId id, Process& process);
  JobKind* kind_of(const std::string& queue, Bytes spec, Result<>& result);
  void tick_process(Mono now, ProcessId id, Process& process);
  void tick_starting(Mono now, ProcessId id, Process& process);
  Mono wake_at(const Process& process) const;

  // pool_ends.cpp: how deliveries end
  Job* take_out(Process& process, JobId id);
  static void measure(Mono now, Process& process, Pool& pool, std::size_t ended, HandlerStats& handler);
  void after_outcomes(Mono now, ProcessId id, Process& process);
  void finish(Job* job, ProcessId process, Report::Kind kind, Failure failure = {}, Bytes result = {});
  void finish_success(Job* job, ProcessId process, Mono since, pool::Done::One* one);
  void end_one(ProcessId id, Process& process, Job* job, pool::Done::One& one);
  void end_left(Mono now, ProcessId id, const Process& process, const Crash& crash, Job* job,
                const Running* ran);
  void release_backlog(Pool& pool);
  void forget(Job* job);

  // pool_limits.cpp: time limits, revocations, kills
  void kill(ProcessId id, Process& process, Killed why, JobId culprit = 0);
  void what_runs(ProcessId id, const Process& process, std::vector<Running>& out) const;
  void look(Mono now, ProcessId id, Process& process);
  Mono check_running(Mono now, ProcessId id, Process& process, Job& job, Mono since);
  void call_back_waiting(ProcessId id, Process& process);
  void revoke_fed(Mono now, ProcessId id, Process& process, Job& job, Code reason, Duration grace);

  PlanSettings settings_;
  Boards boards_;
  Actions& actions_;
  JobStore store_;
  std::vector<Pool> pools_;
  std::map<ProcessId, Process> processes_;
  std::map<std::string, HandlerStats, std::less<>> handlers_;
  static constexpr std::size_t kinds_kept = 1024;
  std::unordered_map<std::string, std::unique_ptr<JobKind>> kinds_;
  std::size_t kinds_most_ = kinds_kept;  // more of them are looked through for those without jobs
  std::string kind_key_;
  std::vector<Running> running_;  // of the process that is looked at
  ProcessId next_process_ = 1;
  Mono drain_until_ = never_mono;
  bool draining_ = false;
};

}  // namespace joinery::worker
