// What processes of this host have used so far, from /proc; 0 of those that are gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace joinery::cli::bench {

// Of all threads that live, to the nanosecond (the ticks of /proc/PID/stat are too coarse for idle ones).
double cpu_seconds(pid_t pid);
double own_cpu_seconds();
std::uint64_t resident_bytes(pid_t pid);
std::vector<pid_t> children_of(pid_t parent);

}  // namespace joinery::cli::bench
