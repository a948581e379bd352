// What the core wrote into its state, in the form that the journal keeps. The core changes durable state only
// by applying these, live and at recovery alike, so that both come to the same state.
//
// The changes of one command are one journal record: all of them survive a crash, or none.
//
// To change one: docs/journal.md first (its table of changes), then the struct, its encoding in
// change_codec.cpp, the format version in broker/journal/format.h, and a fixture of the old format in
// tests/unit/broker/journal/fixtures.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/schedules.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"

namespace joinery::broker {

// Where a payload is: given by the journal and opaque here, except that a later one is greater.
struct Place {
  std::uint64_t position = 0;
  std::uint32_t size = 0;
  bool operator==(const Place&) const = default;
};

// Answer to one group of a Submit: accepted with ids first .. first+count-1, or refused.
struct GroupAnswer {
  JobId first = 0;
  std::uint32_t count = 0;
  Durability level = Durability::sync;
  std::optional<Error> error;
  bool no_handler =
      false;  // accepted, but no connected worker of the queue has the handler: a warning for people
  bool put() const { return !error && !existing; }
  bool existing = false;  // nothing was put: `first` is the job that has the unique key
};

namespace change {

// A new life of the broker; tokens of earlier lives are smaller.
struct Epoch {
  std::uint32_t epoch = 0;
  // New ids are at least these. Written by a repair, so that ids that were given up are not given again.
  JobId next_job = 0;
  BatchId next_batch = 0;
};
// A queue is created, or its options or pause change.
struct Queue {
  std::uint32_t id = 0;
  std::string name;
  QueueOptions options;
  bool paused = false;
  std::string paused_by;
  std::string pause_reason;
  Wall paused_since{};
};
struct DefineSpec {
  SpecId id = 0;
  Spec spec;
};
struct OpenBatch {
  BatchId id = 0;
  std::string name;
  Wall at{};
  BatchId parent = 0;  // which is not finished before this one is
  bool held = false;   // not finished before it is closed
};
struct CloseBatch {
  BatchId id = 0;
};
// All of its jobs that wait now are cancelled, however many. They are still there, and are finished piece by
// piece later; the counts know it at once.
struct CancelBatch {
  BatchId id = 0;
};

// `count` jobs with consecutive ids. The only change with payloads: the journal stores them behind it, in
// order.
struct Put {
  JobId first = 0;
  std::uint32_t count = 0;
  std::uint32_t queue = 0;
  SpecId spec = 0;
  BatchId batch = 0;
  JobId parent = 0;
  bool parked = false;
  Wall at{};
  std::uint32_t group = 0;  // index in the frame (for children: counted over all reports, refused
                            // ones too): which payloads belong to it
  std::span<const std::uint32_t> sizes;  // of the payloads
  const Columns* columns = nullptr;      // null: all defaults. delay is already turned into due times below
  std::span<const Wall> due;             // empty: all ready now. Later than `at`: scheduled until then. The
                                         // core's own: valid until its next apply or tick
};
// Parked jobs become part of the queue.
struct Admit {
  JobId first = 0;
  std::uint32_t count = 0;
};
// The answer to a request of a session, so that a repetition after a crash gets it again.
struct Answer {
  SessionId session;
  std::uint64_t sequence = 0;
  std::uint64_t confirmed = 0;      // answers up to this one can be forgotten
  std::vector<GroupAnswer> groups;  // for Submit
  std::uint64_t number = 0;         // for Admin; of a flow, its batch
  bool parked = false;              // not the last word: some jobs of the groups are parked, until `until`
  Wall until = never_wall;
  bool watch = false;  // the session is told the outcome of each job of the groups
};
// Deliveries of ready jobs to a worker. Not waited for: if it is lost, the jobs are ready, and the next epoch
// fences the old deliveries.
struct Start {
  SessionId worker;
  std::vector<Run> runs;
};
// Outcomes. Job and payload can be forgotten.
struct Finish {
  Outcome outcome = Outcome::succeeded;
  Wall at{};
  std::vector<Run> runs;
  std::string why;  // of an outcome that nobody asked for
};
// Not running any more, and not finished: ready again at `due` (in the past: now, at the front of its queue).
struct Requeue {
  Token token;
  Report::Kind kind = Report::Kind::released;
  bool lost = false;
  Wall due{};
  Failure failure;
};
// Dead letter.
struct Bury {
  Token token;
  Wall at{};
  Failure failure;
};
// A dead letter becomes ready again, with all its attempts.
struct Revive {
  JobId job = 0;
  Wall at{};
};
// Running deliveries that are to end as cancelled, unless they succeed first.
struct Cancelling {
  std::vector<Run> runs;
};
// A dead letter or parked job is forgotten.
struct Drop {
  JobId first = 0;
  std::uint32_t count = 0;
  Wall at{};
};
// A waiting job gets another priority, or another time (Wall{}: now).
struct Update {
  JobId job = 0;
  std::optional<std::int64_t> priority;
  std::optional<Wall> due;
};
// A job that does not run goes to another queue.
struct Transfer {
  JobId job = 0;
  std::uint32_t queue = 0;
};
// The journal moved a payload.
struct Move {
  JobId job = 0;
  std::uint32_t size = 0;
};

// A limit that was set at run time, or taken back.
struct SetLimit {
  Limit limit;
  bool removed = false;
};
// What a handler wants of one node of keys, whatever its limit says.
struct HoldKey {
  std::string node;
  std::uint64_t interval_ms = 0;  // between two starts, at least
  Wall until{};                   // nothing starts before
  Wall at{};
};
// What a queue remembers of jobs that ended earlier is forgotten.
struct PurgeHistory {
  std::uint32_t queue = 0;
  Wall before{};
};

// A schedule is as it is here from now on, or is removed.
struct SetSchedule {
  ScheduleState schedule;
  bool removed = false;
};
// A schedule put `job` (0: nothing, and why) for the time `due` (Wall{}: by hand), and is due next at `next`.
// In one record with the Put.
struct Fired {
  std::string schedule;
  Wall due{};
  Wall next{};
  JobId job = 0;
  std::string problem;
};

}  // namespace change

struct Change : std::variant<change::Epoch, change::Queue, change::DefineSpec, change::OpenBatch, change::Put,
                             change::Admit, change::Answer, change::Start, change::Finish, change::Requeue,
                             change::Bury, change::Revive, change::Drop, change::Move, change::Cancelling,
                             change::Update, change::Transfer, change::CloseBatch, change::CancelBatch,
                             change::SetLimit, change::HoldKey, change::PurgeHistory, change::SetSchedule,
                             change::Fired> {
  using variant::variant;
};

}  // namespace joinery::broker
