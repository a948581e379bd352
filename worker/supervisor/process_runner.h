// Starts pool processes, kills them with all that they started, and learns how they ended. Does not decide
// when.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/base/error.h"
#include "worker/supervisor/crash.h"
#include "worker/supervisor/pool_process.h"

namespace joinery::worker {

// A process in a group of its own, with the socket at descriptor 3, the board's memory at 4, no stdin, stdout
// and stderr in one pipe; it is killed when the calling thread ends. A program that cannot be executed exits
// with 127 and says so on stderr. Error: start_failed.
Result<Spawned> spawn(const std::vector<std::string>& command);

// The whole group of a process that was not collected yet.
void kill_group(int pid);

// How a process that has ended (its pidfd is readable) did; it is gone then.
Crash collect(int pid);

// Resident memory in bytes of each process group of this machine. Pages that processes share count for each.
std::unordered_map<int, std::uint64_t> resident_bytes_of_groups();

// Times the kernel killed a process of this machine or container for lack of memory.
std::uint64_t out_of_memory_kills();

}  // namespace joinery::worker
