// A program that `joinery up` runs: started, signalled, and looked at by its descriptors. It dies with us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/base/error.h"
#include "shared/base/unique_fd.h"

namespace joinery::cli {

// The program beside our own, else in PATH. io_error if there is none.
Result<std::string> find_program(const std::string& name);

struct Child {
  pid_t pid = -1;
  unique_fd pidfd;  // readable when it has ended
  unique_fd ready;  // readable when it wrote its line to --ready-fd, or ended

  bool runs() const { return pid > 0; }
};

// Starts argv[0], a path, with --ready-fd added. It gets a process group of its own, so that Ctrl-C reaches
// only us and we say in which order to stop; and SIGTERM when we die, however that comes about. REQUIRES:
// called by the main thread, as the kernel means its death by ours.
Result<Child> start_child(std::vector<std::string> argv);
// REQUIRES: `ready` is readable. Empty if it ended before it was ready.
std::string read_ready(Child& child);
// REQUIRES: it has ended. Its wait status; the child is empty afterwards.
int reap(Child& child);
// "exited with code 80 (endpoint_taken: ...)", "was killed by signal 9 (Killed)".
std::string describe_end(int wait_status);

}  // namespace joinery::cli
