// What a process uses, by /proc. 0: it could not be read (the process has just ended).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace joinery::testing {

std::uint64_t memory_kb_of(pid_t process);
std::uint64_t peak_memory_kb_of(pid_t process);
std::uint64_t descriptors_of(pid_t process);
std::uint64_t threads_of(pid_t process);
double cpu_seconds_of(pid_t process);
std::uint64_t bytes_below(const std::string& directory);

}  // namespace joinery::testing
