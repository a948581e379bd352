// The broker's decisions. A state machine that is given the time: the same commands at the same times give
// the same changes and effects, byte for byte. It knows no clock, socket, file or thread, and never sees a
// payload, only its size and place.
//
//   Core core(options);
//   core.apply(now, Submit{...}, effects);      // decide
//   place = journal.append(effects.changes);    // the caller makes it durable
//   core.placed(put, place);                    // and says where the payloads are
//   perform(effects.effects);
//   core.tick(now, effects);                    // whatever is due by now
//   sleep_until(core.next_deadline());
//
// Threads: none; one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/core/change.h"
#include "broker/core/command.h"
#include "broker/core/dependencies.h"
#include "broker/core/effect.h"
#include "broker/core/schedules.h"
#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::broker {

struct CoreOptions {
  Duration lease{15'000'000};              // a worker that was not heard for so long is lost
  Duration reconnect_grace{1'000'000};     // a worker whose connection broke is lost after this
  Duration session_expiry{3'600'000'000};  // a producer's session (its answers, its watches) is kept so long
                                           // after it was last heard
  std::uint32_t lost_attempts = 10;  // deliveries that may be lost with their worker before the job is buried
  std::size_t deliveries_per_dispatch = 4096;
  std::size_t finished_kept = 100'000;        // about so many outcomes can be looked up after the job is gone
  std::size_t batches_kept = 100'000;         // finished batches that can still be joined
  std::size_t history_bytes = 256U << 20U;    // of the histories of all queues together
  std::size_t history_looked_at = 1U << 18U;  // entries, by one question
  bool create_queues = true;                  // a submit to an unknown queue creates it with `queue_defaults`
  bool keeps_results = true;                  // there is a Redis, so that results can be passed on
  QueueOptions queue_defaults{};
  std::vector<Limit> limits{};  // declared in the configuration; Core::declare_limits changes them
  std::uint64_t seed = 1;       // of the jitter
};

// Earliest times at which tick has something to do, on each clock.
struct Deadline {
  Mono mono = never_mono;
  Wall wall = never_wall;
};

// Read-only pictures for status, queue ls, job show, worker ls, stats.
struct QueueView {
  std::uint32_t id;
  std::string_view name;
  QueueOptions options;
  Counts counts;
  bool paused;
  std::string_view paused_by, pause_reason;
  Wall paused_since;
  std::uint64_t history_jobs;  // that ended and are remembered
  std::size_t history_bytes;
};
struct JobView {
  JobId id;
  State state;
  std::uint32_t queue;
  std::string_view queue_name;
  SpecId spec;
  BatchId batch;
  JobId parent;
  std::int64_t priority;
  std::uint32_t attempt, failures, crashes, losses;
  Wall accepted_at;
  std::optional<Wall> due;
  Place place;
  Token token;
  std::string_view worker;  // name, while running
  SessionId held_by{};      // while running
  std::string_view key;
  std::string_view schedule;       // that put it; empty: none, or it is gone
  const Failure* last_failure;     // null: none
  std::optional<Outcome> outcome;  // of a finished one that is still remembered
  const Waits* waits = nullptr;    // what it comes after; null: nothing
};
// A job that has ended and is remembered (not a dead letter).
struct FinishedView {
  JobId id = 0;
  Outcome outcome{};
  std::string_view queue_name;
  std::string_view handler;
  BatchId batch = 0;
  JobId parent = 0;
  std::int64_t priority = 0;
  std::uint32_t attempt = 0, failures = 0, crashes = 0, losses = 0;
  Wall accepted_at{}, ended_at{};
  std::string_view key;
  const Failure* last_failure = nullptr;  // null: none
};
struct FinishedPage {
  std::vector<FinishedView> jobs;  // the greatest ids first
  JobId next = 0;                  // where to go on, below it; 0: all was looked at
};
// Which of them: those that fit all that is said.
struct FinishedFilter {
  std::string_view queue = {};
  std::string_view handler = {};
  std::optional<Outcome> outcome = {};
  BatchId batch = 0;
  std::string_view key = {};
  std::string_view error = {};  // a part of the type or message of their last failure
  std::optional<Wall> ended_before = {}, ended_after = {};
};
// What holds a ready job back by its key.
struct KeyWait {
  std::string node;  // "host:x"
  std::uint32_t running = 0;
  std::uint32_t most = 0;           // may run at a time; 0: any number
  std::optional<Duration> free_in;  // by time; none: when one of those that run ends
  bool ordered = false;             // an earlier job of its key is not through
};
struct LimitView {
  Limit limit;
  bool declared;  // in the configuration
};
struct BatchView {
  BatchId id;
  std::string_view name;
  Counts counts;  // with those of the batches in it
  Wall opened_at;
  BatchId parent;
  std::uint32_t nested;  // batches in it that are not finished
  bool held;
  bool cancelled;
};
struct WorkerView {
  const WorkerInfo* info;
  SessionId session;
  std::uint32_t holds;
  bool connected;
  Mono last_heard;
  std::uint64_t succeeded, failed;
};

class Core {
 public:
  explicit Core(CoreOptions options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Decides about one command and adds to `effects`. Bad commands give Refused and change nothing.
  void apply(Now now, const Command& command, Effects& effects);
  // Does what is due: leases, grace periods, delays, retries, expiries, parked puts that time out; and all
  // dispatching: after the placed() of what was applied, so that each delivery knows its payload's place.
  void tick(Now now, Effects& effects);
  // When tick must next be called. Never later than the truth; may be earlier. Mono{} (long past): at once.
  Deadline next_deadline() const;

  // Any frame of a session is its heartbeat.
  void heard(Now now, SessionId session);
  // Refuse new jobs with this code (disk_full, shutting_down) until it is Code::ok again; finishes go on.
  void refuse_puts(Code code);

  // The id of a Spec, which is kept while a job uses it. A new one adds a DefineSpec to `effects`. For use in
  // the next apply: call it for every frame, an id that no job uses may be given to another Spec later.
  SpecId intern(const Spec& spec, Effects& effects);
  // Why a group as this would be refused now, whatever its times and whoever has its unique keys; none: it
  // would not.
  std::optional<Error> refusal(const PutGroup& group) const;
  const Spec& spec(SpecId id) const;

  // Says where the payloads of a Put of the last apply were written: back to back from `position`.
  void placed(JobId first, std::uint32_t count, std::uint64_t position);
  // Whether the job is still there with its payload at this place; and where it was moved to.
  bool is_at(JobId job, Place place) const;
  void moved(JobId job, Place place);

  // Calls `each` for every job that is there, in no particular order: for Journal::retain.
  void each_payload(const std::function<void(JobId job, Place place)>& each) const;

  // Recovery: load the newest checkpoint if there is one, then replay every change behind it in order, then
  // start(). `position` is where the change's payloads are (Put, Move).
  Result<> replay(const Change& change, std::uint64_t position);
  // Begins a new epoch: adds its change. Running jobs stay running for their workers until the grace period
  // (the lease) ends.
  void start(Now now, Effects& effects);

  // Writes the whole durable state, in pieces, to `write`; load reads it back from what it is given. The
  // format is the core's own, versioned, little endian, without checksums (the journal adds them).
  void save(const std::function<void(Bytes)>& write) const;
  Result<> load(Bytes saved);

  std::uint32_t epoch() const;
  JobId next_job() const;
  BatchId next_batch() const;
  Counts totals() const;
  std::size_t memory_bytes() const;  // of everything that grows with jobs

  std::vector<QueueView> queues() const;
  std::optional<QueueView> queue(std::string_view name) const;
  std::string_view queue_name(std::uint32_t id) const;
  // Null: the queue has none.
  const SpecDefaults* defaults_of(std::string_view queue) const;
  std::optional<JobView> job(JobId id) const;
  // At most `most` jobs of a queue (empty: of all) in a state (none: any but dead letters), in the order of
  // their ids, after `after`. With a `slice` only a part of all jobs is looked at, so that nobody waits long:
  // it says where to begin (0), and then where the next one begins (0: that was the last). Null: all.
  std::vector<JobView> jobs(std::string_view queue, std::optional<State> state, JobId after, std::size_t most,
                            std::uint32_t* slice = nullptr) const;
  // Jobs that have ended, as long as the history of their queue reaches.
  std::optional<FinishedView> finished(JobId id) const;  // a dead letter too
  // Dead letters too. At most `most`, below `before` (0: any).
  FinishedPage finished(const FinishedFilter& filter, JobId before, std::size_t most) const;
  std::optional<BatchView> batch(BatchId id) const;
  // At most `most`, in the order of their ids, after `after`. Looks at every batch.
  std::vector<BatchView> batches(BatchId after, std::size_t most) const;
  // The jobs whose results the handler of this one is given.
  std::vector<JobId> inputs(JobId id) const;
  std::vector<WorkerView> workers() const;
  // All limits in force, by pattern.
  std::vector<LimitView> limits() const;
  // Replaces those that were declared before (SIGHUP).
  void declare_limits(Now now, std::vector<Limit> limits);
  // By name; valid until the next command.
  std::vector<const ScheduleState*> schedules() const;
  std::vector<const ScheduleState*> schedules(std::string_view after, std::size_t most) const;
  const ScheduleState* schedule(const std::string& name) const;  // null: there is none
  // When the next of them is due, which someone must Fire then. never_wall while puts are refused.
  Wall next_schedule() const;
  // What keeps a ready job from starting, if its key does.
  std::optional<KeyWait> key_wait(Now now, JobId id) const;
  // How many ready jobs of its queue go before a ready one, counted up to `most`.
  std::uint64_t ahead_of(JobId id, std::uint64_t most) const;
  // Whether a connected worker of the queue has the handler.
  bool has_worker(std::string_view queue, std::string_view handler) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::broker
