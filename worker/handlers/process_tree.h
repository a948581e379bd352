// A process and those that it started.
#pragma once

#include <sys/types.h>

namespace joinery::handlers {

// Sends a signal to a process and to all its descendants, as they are now (by /proc). Those whose parent has
// died before are not found: they are in the process group, which is killed as a whole when it comes to that.
void signal_tree(pid_t root, int number);

}  // namespace joinery::handlers
