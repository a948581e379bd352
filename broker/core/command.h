// What the core can be asked. Commands are values with views into the frame they came from; they are applied
// at once and not kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/job/job.h"

namespace joinery::broker {

// Index of an interned Spec (Core::intern). Stable until no live job uses it.
using SpecId = std::uint32_t;

enum class Role : std::uint8_t { producer, worker, tool };

// What a worker says of itself in its hello.
struct WorkerInfo {
  std::string name;
  std::string host;
  std::uint32_t pid = 0;
  std::uint32_t processes = 0;
  std::uint32_t threads = 1;
  std::vector<std::string> queues;    // served; the first with a job that can run is served first (strict)
  std::vector<std::string> handlers;  // names it can run; "*": all
  std::uint32_t capacity = 0;         // deliveries that it may hold at a time
};

// A session appears or comes back. `held`: deliveries that a returning worker still holds. Those that the
// core agrees with stay running; the others are revoked; what the core thought it held and is not listed runs
// again.
struct Connect {
  SessionId session;
  Role role = Role::producer;
  WorkerInfo worker;        // for Role::worker
  std::vector<Token> held;  // for Role::worker
};

// The connection was lost (the session may resume within the grace period), or the peer said goodbye (its
// deliveries run again now).
struct Disconnect {
  SessionId session;
  bool goodbye = false;
};

// A Group whose Spec is interned and whose payloads are in the frame: the core sees only their sizes.
struct PutGroup {
  std::string_view queue;
  SpecId spec = 0;
  BatchId batch = 0;
  JobId parent = 0;
  std::span<const std::uint32_t> sizes;  // bytes of each payload; its length is the number of jobs
  const Columns* columns = nullptr;      // null: all defaults
};

enum class WhenFull : std::uint8_t { refuse, park };

// Answered with one Accepted for the frame. A frame with a `sequence` that the session used before is not
// applied again: it gets the answer it got (or will get, if it is parked).
struct Submit {
  SessionId session;
  std::uint64_t sequence = 0;   // of the session's changing requests: 1, 2, 3, ...
  std::uint64_t confirmed = 0;  // the session needs no answer up to this one again
  std::span<const PutGroup> groups;
  WhenFull when_full = WhenFull::park;
  std::optional<Duration> park_timeout;  // none: for ever
  bool watch = false;                    // tell the session the outcome of each job
  Token under;  // if job != 0: submitted by this delivery, outside its finish; refused if it is stale
};

// Deliveries of consecutive job ids, all of one attempt and epoch, that succeeded and have nothing else to
// say.
struct Run {
  JobId first = 0;
  std::uint32_t count = 0;
  std::uint32_t attempt = 0;
  std::uint32_t epoch = 0;
  bool operator==(const Run&) const = default;
};

// A Report whose children are ready for the core.
struct CoreReport {
  const Report* report = nullptr;
  std::span<const PutGroup> children;
};

// What became of deliveries. Answered with one Acked that lists those that were refused. Frees the worker's
// capacity.
struct Finish {
  SessionId session;
  // Of the worker's finishes: a repeated one is answered again; its stale tokens are no harm.
  std::uint64_t sequence = 0;
  std::span<const Run> succeeded;
  std::span<const CoreReport> reports;
};

struct Capacity {
  SessionId session;
  std::uint32_t deliveries = 0;
};

// Join a queue, a batch, or single jobs. Answered with Joined when none of the target is unfinished.
struct Target {
  std::string queue;        // if not empty
  BatchId batch = 0;        // if not 0
  std::vector<JobId> jobs;  // if not empty
};

struct Join {
  SessionId session;
  std::uint64_t request = 0;
  Target target;
};

// Tell the session the outcome of each of these jobs, at once for those that have one (or are unknown).
struct Watch {
  SessionId session;
  std::uint64_t request = 0;
  std::span<const JobId> jobs;
};

// The session waits no longer (a Join, a Watch, or a parked Submit).
struct Forget {
  SessionId session;
  std::uint64_t request = 0;
};

// Changing verbs on queues and jobs. Each is answered with Done (a number of jobs) or Refused; repeated ones
// are answered as the first.
// Creates the queue if need be.
struct Configure {
  std::string queue;
  QueueOptions options;
};
struct Pause {
  std::string queue;
  std::string who;
  std::string why;
};
struct Resume {
  std::string queue;
};
// Cancels what is not running.
struct Purge {
  std::string queue;
};
// Running ones are told, and killed after the grace period.
struct Cancel {
  Target target;
  Duration grace{5'000'000};
};
// Dead letters: these, or all of the queue.
struct Retry {
  std::vector<JobId> jobs;
  std::string queue;
};
// Dead letters: these, or all of the queue.
struct Delete {
  std::vector<JobId> jobs;
  std::string queue;
};
// Of jobs that wait.
struct Update {
  std::vector<JobId> jobs;
  std::optional<std::int64_t> priority;
  std::optional<std::int64_t> run_at_ms;  // Unix milliseconds; in the past: now
};
// Jobs that do not run, to another queue.
struct MoveTo {
  std::vector<JobId> jobs;
  std::string queue;
};
struct OpenBatch {
  std::string name;
  BatchId parent = 0;  // 0: none
  bool held = false;   // until CloseBatch
};                     // Done::number is the batch's id

struct CloseBatch {
  BatchId batch = 0;
};

struct Admin {
  SessionId session;
  std::uint64_t sequence = 0;  // as in Submit
  std::uint64_t confirmed = 0;
  std::variant<Configure, Pause, Resume, Purge, Cancel, Retry, Delete, OpenBatch, CloseBatch, Update, MoveTo>
      verb;
};

using Command = std::variant<Connect, Disconnect, Submit, Finish, Capacity, Join, Watch, Forget, Admin>;

}  // namespace joinery::broker
