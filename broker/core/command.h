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
#include "shared/job/limit.h"
#include "shared/job/schedule.h"

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
  std::vector<std::string> queues;  // served; the first with a job that can run is served first (strict)
  // As many as queues: they take turns, so many jobs of each in a round. Empty: strict.
  std::vector<std::uint32_t> weights{};
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
  // A batch of this name is opened, and all groups are put in it, or none; then answered with Refused, whose
  // field begins with "groups[N].". Waits for no room.
  std::optional<std::string_view> flow = {};
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
  std::uint64_t sequence =
      0;  // of the worker's finishes: a repeated one is answered again; its stale tokens are no harm
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
struct Configure {
  std::string queue;
  QueueOptions options;
};  // creates the queue if need be
struct Pause {
  std::string queue;
  std::string who;
  std::string why;
};
struct Resume {
  std::string queue;
};
struct Cancel {
  Target target;
  Duration grace{5'000'000};
  std::string who = {};  // asks for it; told of single jobs
};                       // running ones are told, and killed after the grace period
struct Retry {
  std::vector<JobId> jobs;
};  // dead letters
struct Delete {
  std::vector<JobId> jobs;
};  // dead letters
struct Update {
  std::vector<JobId> jobs;
  std::optional<std::int64_t> priority;
  std::optional<std::int64_t> run_at_ms;  // Unix milliseconds; in the past: now
};                                        // of jobs that wait
struct MoveTo {
  std::vector<JobId> jobs;
  std::string queue;
};  // jobs that do not run, to another queue
// Jobs that fit all that is said here.
struct Filter {
  std::string queue = {};
  std::string handler = {};
  std::optional<State> state = {};
  std::string error = {};  // a part of the type or message of their last failure
  std::optional<Wall> accepted_before = {};
  BatchId batch = 0;
  std::string key = {};
};
enum class BulkVerb : std::uint8_t {
  retry,   // dead letters
  remove,  // dead letters
  cancel,  // whatever has not ended
  purge,   // cancels what is not running
  move,    // dead letters, and what waits, to another queue
};
// To all jobs that fit, a slice at a time, so that nobody waits long. Done::number is how many of them it
// was, plus, times 2^32, where the next slice begins (0: there is none). What comes or changes between two
// slices may be met or not.
struct Bulk {
  BulkVerb verb = BulkVerb::retry;
  Filter filter = {};
  std::string to = {};        // move: the queue
  Duration grace{5'000'000};  // cancel
  std::uint32_t from = 0;     // where this slice begins
  bool dry_run = false;       // only count
};
struct OpenBatch {
  std::string name;
  BatchId parent = 0;  // 0: none
  bool held = false;   // until CloseBatch
};                     // Done::number is the batch's id

struct CloseBatch {
  BatchId batch = 0;
};

struct SetLimit {
  Limit limit;
};  // until it is deleted, also over restarts; goes before one declared for the same pattern
struct DeleteLimit {
  std::string pattern;
};
// Forgets what a queue remembers of jobs that ended before; Done::number is how many jobs.
struct PurgeHistory {
  std::string queue;
  Wall ended_before = never_wall;
};

// A schedule is added, or changed. `next`: when it is due first, if its times are new.
struct SetSchedule {
  Schedule schedule;
  Wall next{};
  bool replace = false;  // else there must be none of its name
};
struct DeleteSchedule {
  std::string schedule;
  bool declared = false;  // it may be one of the configuration
};
struct PauseSchedule {
  std::string schedule;
  std::string who;
  std::string why;
};
struct ResumeSchedule {
  std::string schedule;
  Wall next{};
};
// Puts its job now. Done::number is the job.
struct RunSchedule {
  std::string schedule;
  PutGroup group;
};

// Asked for something that can't be, as whoever asks the core knows already. Refused with this, unless it was
// done when it was asked first.
struct Refuse {
  Error why;
};

struct Admin {
  SessionId session;
  std::uint64_t sequence = 0;  // as in Submit
  std::uint64_t confirmed = 0;
  std::variant<Configure, Pause, Resume, Cancel, Retry, Delete, Bulk, OpenBatch, CloseBatch, Update, MoveTo,
               SetLimit, DeleteLimit, PurgeHistory, SetSchedule, DeleteSchedule, PauseSchedule,
               ResumeSchedule, RunSchedule, Refuse>
      verb;
};

// The time of a schedule has come. Not answered. Ignored unless its next time is `was`: so it is fired once.
struct Fire {
  std::string_view schedule;
  Wall was{};
  std::optional<Wall>
      due;      // submits for this time, from `was` to now; none: it only goes on, with a `problem`
  Wall next{};  // its next time from now on
  const PutGroup* group = nullptr;  // with one payload
  std::string problem;
};

// What a running handler asks for a node of keys; ignored if the delivery has ended. Not answered.
struct HoldKey {
  SessionId session;
  Token token;
  std::string node;
  std::optional<std::uint64_t> interval_ms;  // from now on so long between two starts; 0: as the limit says
  std::optional<Wall> until;                 // nothing starts before
};

using Command =
    std::variant<Connect, Disconnect, Submit, Finish, Capacity, Join, Watch, Forget, Admin, HoldKey, Fire>;

}  // namespace joinery::broker
