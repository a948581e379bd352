// The program that starts itself again: for pools and joinery::Process, on both sides.
//
// The child is given a role (a word that Program::child() knows), a description (bytes, by a memory file, so
// of any size), a pipe whose end tells that the one who started it is gone or wants it to end, and
// descriptors of the caller's choice. All other descriptors are closed in it, its signals are as at login.
//
// To add a role: a function int run_ROLE(Program&, Given) in roles.h, and its line in program.cpp.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/base/unique_fd.h"

namespace joinery::sdk {

// --- The one who starts ---

struct Start {
  std::string role;
  Buffer description;
  std::vector<int> descriptors;  // not closed here
  bool own_group = false;        // a process group of its own: the terminal's Ctrl-C does not reach it
};

struct Started {
  pid_t pid = -1;   // to be collected with waitpid by the caller
  unique_fd alive;  // pidfd: readable when it has ended
  unique_fd owner;  // closing it tells the child
};

// Error: start_failed.
Result<Started> start_self(const Start& start);

// --- The child ---

struct Given {
  std::string role;
  Buffer description;
  unique_fd owner;                     // readable (end of file) when the starter is gone or closed its end
  std::vector<unique_fd> descriptors;  // in the order given, closed on exec
};

// Whether the command line is that of start_self.
bool started_by_self(int argc, char** argv);
// Takes over what was given. REQUIRES: started_by_self. Error: invalid_argument (a person typed the flag).
Result<Given> take_given(int argc, char** argv);

// From now on `signal` is sent to this process when `owner` ends; at once if it has.
void signal_at_end(int owner, int signal);

}  // namespace joinery::sdk
