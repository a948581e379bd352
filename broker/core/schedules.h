// What is kept of a schedule. When it is due, and what it submits, is known to the edge, which fires it by a
// command (Fire); here it is decided what comes of that, and it is made sure that each due time is fired
// once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/time.h"
#include "shared/job/job.h"
#include "shared/job/schedule.h"

namespace joinery::broker {

struct ScheduleState {
  std::uint32_t number = 0;  // from 1; never used again
  Schedule is;
  Wall since{};            // when its times were set: what @every counts from
  Wall next = never_wall;  // due then
  bool paused = false;
  std::string paused_by;
  std::string pause_reason;
  Wall paused_since{};
  Wall last_due{};  // of the last job; Wall{}: it was run by hand
  JobId last_job = 0;
  std::uint64_t submitted = 0;
  std::uint64_t skipped = 0;
  std::string problem;      // why nothing was submitted the last time; empty: it was
  std::vector<JobId> runs;  // its jobs that were unfinished when the last one was put, and that one
  bool operator==(const ScheduleState&) const = default;
};

}  // namespace joinery::broker
