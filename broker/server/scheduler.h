// Schedules at the edge of the broker: cron, time zones and payloads, which the core does not know. It says
// when each is due first, and fires those whose time has come; what comes of it is the core's decision.
#pragma once

#include <string>
#include <vector>

#include "broker/core/core.h"
#include "broker/server/specs.h"
#include "broker/server/transactor.h"
#include "broker/timetable/timetable.h"
#include "shared/job/schedule.h"
#include "shared/protocol/group.h"

namespace joinery::broker::server {

// What it submits is not over before it may start.
Result<> validate_delay(const Schedule& schedule, const Columns& columns);

// Its group, decoded; views into the schedule. Errors name the field: one payload, and no times or
// dependencies of its own (columns).
Result<> decode_scheduled(const Schedule& schedule, std::size_t payload_max, protocol::RawGroup& out);

class Scheduler {
 public:
  Scheduler(Core& core, Transactor& transactor, SpecBook& specs, std::size_t payload_max)
      : core_(core), transactor_(transactor), specs_(specs), payload_max_(payload_max) {}

  // Checks all of it, also that its job would not be refused as things are, and says when it is due first.
  Result<Wall> first(const Schedule& schedule);
  // Fires whatever is due.
  void turn();

  // What the schedule submits now, for the next command only. What waits for the job before it (Overlap) runs
  // whichever way that one ends.
  struct Submission {
    PutGroup group;
    Transactor::Payloads payloads;
  };
  Result<Submission> submission(const Schedule& schedule, After after = After::finished);

 private:
  void fire(const std::string& name);

  Core& core_;
  Transactor& transactor_;
  SpecBook& specs_;
  std::size_t payload_max_;
  protocol::RawGroup raw_;
  std::span<const Bytes> payloads_;
};

}  // namespace joinery::broker::server
