// Names of owners of locks, and whether the process behind one lives.
//
// A process is "process:HOST:PID:START:WHERE": the host's name for people, the process's id and start time
// (clock ticks since boot, so that a number used again is another process), and WHERE, which tells hosts,
// boots and containers apart. A delivery of a job is "job:ID:FENCE".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/unique_fd.h"

namespace joinery::manager_detail {

// This process, as an owner. Asked anew after a fork.
std::string process_owner();
// A delivery of a job, as an owner.
std::string job_owner(std::uint64_t job, std::uint64_t fence);

// A process that can be watched from here: its owner names this host, this boot, this pid namespace.
struct Neighbour {
  pid_t pid = 0;
  std::uint64_t start = 0;
};
std::optional<Neighbour> neighbour(std::string_view owner);
// A pidfd that becomes readable when it ends; an empty one: it has ended. nullopt: that cannot be told here
// (the process is hidden, or no descriptor is left).
std::optional<unique_fd> watch(const Neighbour& process);
// Whether this owner is a process that is known here to have ended.
bool has_ended(std::string_view owner);

}  // namespace joinery::manager_detail
