// A broker and a worker of the benchmark's own, the real programs, in a directory that goes with them; or,
// for a broker that runs already, a worker only. Jobs go to the queues given and are run by the handlers noop
// and clock.
//
// Threads: the main thread only (start_child).
#pragma once

#include <string>
#include <vector>

#include "producer/cli/bench/guard.h"
#include "producer/cli/bench/leftovers.h"
#include "producer/cli/child.h"
#include "shared/base/exit_code.h"

namespace joinery::cli::bench {

// The code with which a program of ours ended, if it is one of the table.
ExitCode exit_code_of(int wait_status, ExitCode otherwise);

struct StackOptions {
  std::string dir;      // where the stack's own directory is made
  std::string running;  // endpoint of a broker that is there; empty: start one
  std::string durability = "sync";
  std::string mode = "fifo";
  bool tcp = false;  // else a unix socket
  bool redis = false;
};

class Stack {
 public:
  // Starts the broker. Throws Failed, which says how it ended. `guard` watches what runs.
  Stack(StackOptions options, Leftovers& leftovers, Guard& guard);
  // Stops what runs, in order, and removes the directory.
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // Beside those that run.
  void start_worker(std::uint64_t processes, const std::vector<std::string>& queues);
  void stop_workers();
  // Stops the broker by `signal` and starts it again on what it left. Seconds from the start until it is
  // ready.
  double restart_broker(int signal);

  const std::string& endpoint() const { return endpoint_; }
  pid_t broker() const { return broker_.pid; }  // -1: not ours
  std::vector<pid_t> workers() const;

 private:
  std::string start(Child& child, std::vector<std::string> argv, const char* what);
  void stop(Child& child, int signal);
  std::string start_broker();
  std::string write_config(const std::vector<std::string>& queues) const;

  StackOptions options_;
  Leftovers& leftovers_;
  Guard& guard_;
  std::string dir_;
  unique_fd dir_lock_;
  std::string endpoint_;
  Child broker_;
  std::vector<Child> workers_;
};

}  // namespace joinery::cli::bench
