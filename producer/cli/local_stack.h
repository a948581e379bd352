// A broker and a worker on this machine, for `joinery up`: started in order, watched, started again after a
// crash, stopped in order. One thread, asleep in poll().
//
// A service that dies although nobody asked is started again: what it kept is on disk, and its jobs go on.
// One that says by its exit code that it cannot work (a port that is taken, a mistake in the configuration),
// and one that dies `restarts_max` times within a minute, takes the stack down. A worker without any handler
// is no mistake: the broker runs alone then, for workers of the user's own.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <string>

#include "producer/cli/child.h"
#include "producer/cli/output.h"
#include "shared/base/exit_code.h"
#include "shared/base/stop_requests.h"
#include "shared/base/time.h"

namespace joinery::cli {

struct StackOptions {
  std::vector<std::string> broker;  // command lines
  std::vector<std::string> worker;
};

class LocalStack {
 public:
  static constexpr std::size_t restarts_max = 5;

  // `ready` is called once, when broker and worker are there, with the broker's endpoint and their pids.
  struct Pids {
    pid_t broker = -1;
    pid_t worker = -1;  // -1: it has no handlers
  };
  using Ready = std::function<void(const std::string& endpoint, Pids pids)>;
  LocalStack(StackOptions options, Output& out, Ready ready);

  // Until SIGINT, SIGTERM or SIGHUP, or until it cannot go on. A second signal stops the worker at once,
  // which hands its jobs back; a third kills (StopRequests: those of one moment are one). The worker always
  // goes before the broker, which takes what it hands in.
  ExitCode run();

 private:
  struct Service {
    const char* name;
    std::vector<std::string> argv;
    Child child;
    bool is_ready = false;
    std::deque<Mono> deaths;  // within the last minute
  };

  void start(Service& service);
  void on_signal();
  void on_ready(Service& service);
  void on_end(Service& service);
  void stop(ExitCode code);
  void announce();
  // The one that is to end first.
  Service& first() { return worker_.child.runs() ? worker_ : broker_; }
  bool may_restart(Service& service, int wait_status);

  Output& out_;
  Ready ready_;
  Service broker_;
  Service worker_;
  unique_fd signals_;
  std::string endpoint_;
  bool announced_ = false;
  bool stopping_ = false;
  StopRequests stops_{std::chrono::seconds(1)};
  ExitCode code_ = ExitCode::success;
};

}  // namespace joinery::cli
