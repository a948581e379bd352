// A broker and a worker of the benchmark's own, the real programs, in a directory that goes with them; or,
// for a broker that runs already, a worker only. Jobs go to the queues given and are run by the handlers noop
// and clock.
//
// Threads: the main thread only (start_child).
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "producer/cli/child.h"

namespace joinery::cli::bench {

// What is to be taken away when the program is interrupted.
class Leftovers {
 public:
  void add(pid_t process);
  void ended(pid_t process);
  void add(const std::string& dir);
  void removed(const std::string& dir);
  // Kills the processes and removes the directories. For the thread that takes the signal.
  void take_away();

 private:
  std::mutex mutex_;
  std::set<pid_t> processes_;
  std::set<std::string> dirs_;
};

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
  // Starts the broker. Throws ClientError, which says how it ended.
  Stack(StackOptions options, Leftovers& leftovers);
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
  std::string dir_;
  std::string endpoint_;
  Child broker_;
  std::vector<Child> workers_;
};

}  // namespace joinery::cli::bench
