// joinery::Process: multiprocessing's. One task of the program in a process of its own.
//
//   joinery::Process child(program, consume.bind(queue), {.daemon = true});
//   child.start();
//   child.join();
//   child.exitcode();  // 0; 1 if the task threw (stderr says what); -9 if SIGKILL ended it
//
// The process executes the program again (see Program) and runs that task alone. Its arguments are packed by
// bind(): values, queues, and the ends of pipes, of which it gets descriptors of its own; close yours. Its
// standard input is empty, stdout and stderr are this program's.
//
// A Process is a handle: copies mean the same process. When the last one goes while the process runs, a
// daemon is terminated, and another one is joined. A daemon is also terminated (SIGTERM) when this process
// ends, however that may be.
//
// Threads: any.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "joinery/answer.h"
#include "joinery/errors.h"
#include "joinery/program.h"
#include "joinery/task.h"

namespace joinery {

struct ProcessOptions {
  std::string name = {};  // empty: "Process-1", "Process-2", ...; shown by ps and top, and on stderr
  bool daemon = false;
};

class Process {
 public:
  Process(const Program& program, BoundTask task, ProcessOptions options = {});

  // Once. Throws ValueError if it was started before, Exception (start_failed).
  void start();
  // Waits for its end. True: it has ended. Throws ValueError if it was not started.
  bool join(Timeout timeout = {}) const;
  void terminate() const;  // SIGTERM; nothing happens if it has ended
  void kill() const;       // SIGKILL
  // Lets go of the descriptor. Throws ValueError while it runs; all verbs do afterwards.
  void close() const;

  bool is_alive() const;
  // Exit status, or -N if signal N ended it; nullopt while it runs or was not started.
  std::optional<int> exitcode() const;
  std::optional<pid_t> pid() const;  // nullopt: not started
  const std::string& name() const;
  bool daemon() const;
  // Becomes readable at its end: for joinery::wait and poll(2).
  int sentinel() const;

  bool operator==(const Process& other) const { return state_ == other.state_; }

 private:
  friend std::vector<Process> active_children();
  class State;
  explicit Process(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

// Those that were started here and have not ended, in the order of their starts.
std::vector<Process> active_children();

// Cores that this process may use.
unsigned cpu_count();

}  // namespace joinery
