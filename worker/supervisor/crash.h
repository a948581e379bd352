// How a pool process ended, in words and as the dossier of the jobs that it ran.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/time.h"

namespace joinery::worker {

struct Crash {
  int pid = 0;
  int status = 0;  // as of waitpid
  std::uint64_t peak_memory_bytes = 0;
  bool out_of_memory = false;  // the kernel killed a process for lack of memory lately (MemoryKills)
  std::string last_lines;      // of its stderr and stdout
  std::string last_progress;   // of the job, if it told any
};

// "killed by signal 11 (Segmentation fault), core dumped", "exit status 3".
std::string describe(const Crash& crash);
// "signal" or "exit status": the type of the failure.
std::string kind_word(const Crash& crash);

// msgpack map {"pid", "signal"|"status", "core_dumped", "core"?, "peak_memory_bytes", "out_of_memory",
// "stderr", "progress"?, "ran_ms"}.
Buffer dossier(const Crash& crash, Duration ran);

}  // namespace joinery::worker
