// A real program run by a test: started, signalled, waited for; its output is kept in files. Dies with the
// test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace joinery::testing {

class Process {
 public:
  struct Options {
    std::map<std::string, std::string> environment;  // added to the test's own
    std::string directory;                           // working directory; empty: the test's
    std::string input;                               // standard input, whole
    bool ready = false;                              // give it a pipe as descriptor 9 for --ready-fd 9
  };

  // Starts argv[0] (looked up in PATH if it has no slash). Throws std::runtime_error if it cannot be started.
  explicit Process(std::vector<std::string> argv);
  Process(std::vector<std::string> argv, Options options);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // Exit code, or -N for signal N. Throws after the limit, which only a failure reaches, with the program's
  // output.
  int wait(std::chrono::seconds limit = std::chrono::seconds(60));
  // Waits until the program has written a line to its --ready-fd, and returns it without the line's end.
  std::string wait_ready(std::chrono::seconds limit = std::chrono::seconds(60));
  std::string out() const;
  std::string err() const;

 private:
  TempDir dir_;
  std::vector<std::string> argv_;
  pid_t pid_ = -1;
  unique_fd pidfd_;
  unique_fd ready_;
  std::optional<int> status_;
};

// Runs a program to its end.
struct Finished {
  int status = 0;
  std::string out;
  std::string err;
};
Finished run(std::vector<std::string> argv, Process::Options options = {});

std::string without_line_end(std::string text);

// Children of a process, by /proc.
std::vector<pid_t> children_of(pid_t parent);
// It and all processes below it, the deepest last.
std::vector<pid_t> family_of(pid_t parent);
// Dead, though perhaps not yet reaped by whoever inherited it.
bool gone(pid_t process);

// Calls `done` until it says true; yields in between for a moment. Fails the test after the limit. For
// conditions that only a question can tell (a state in the broker, a process of another's); where there is an
// event, wait for the event.
bool eventually(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::seconds(60));

}  // namespace joinery::testing
