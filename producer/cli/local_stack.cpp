#include "producer/cli/local_stack.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace joinery::cli {
namespace {

unique_fd take_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return unique_fd(::signalfd(-1, &set, SFD_CLOEXEC));
}

// Codes from 64 on say what is wrong; starting again would not change it.
bool says_why(int wait_status) { return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) >= 64; }

bool has_no_handlers(int wait_status) {
  return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == static_cast<int>(ExitCode::no_handlers);
}

}  // namespace

LocalStack::LocalStack(StackOptions options, Output& out, Ready ready)
    : out_(out),
      ready_(std::move(ready)),
      broker_{"broker", std::move(options.broker), {}, false, {}},
      worker_{"worker", std::move(options.worker), {}, false, {}},
      signals_(take_signals()) {}

ExitCode LocalStack::run() {
  start(broker_);
  while (broker_.child.runs() || worker_.child.runs()) {
    // A negative descriptor is passed over.
    std::array<pollfd, 5> watched{{{signals_.get(), POLLIN, 0},
                                   {broker_.child.ready.get(), POLLIN, 0},
                                   {worker_.child.ready.get(), POLLIN, 0},
                                   {worker_.child.pidfd.get(), POLLIN, 0},
                                   {broker_.child.pidfd.get(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;  // EINTR
    if (watched[0].revents != 0) on_signal();
    if (watched[1].revents != 0) on_ready(broker_);
    if (watched[2].revents != 0) on_ready(worker_);
    if (watched[3].revents != 0) on_end(worker_);
    if (watched[4].revents != 0) on_end(broker_);
  }
  return code_;
}

void LocalStack::start(Service& service) {
  service.is_ready = false;
  auto child = start_child(service.argv);
  if (!child) {
    out_.error(child.error());
    return stop(ExitCode::failure);
  }
  service.child = std::move(*child);
}

void LocalStack::on_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (!stops_.take(read_clocks().mono)) return;
  if (!stopping_) return stop(ExitCode::success);
  if (first().child.runs()) ::kill(first().child.pid, stops_.count() > 2 ? SIGKILL : SIGTERM);
}

void LocalStack::on_ready(Service& service) {
  const std::string line = read_ready(service.child);
  service.is_ready = !line.empty();
  if (!service.is_ready || stopping_) return;
  if (&service == &broker_) {
    endpoint_ = line;
    if (!worker_.child.runs()) start(worker_);
  } else {
    announce();
  }
}

void LocalStack::announce() {
  if (!std::exchange(announced_, true)) ready_(endpoint_, {broker_.child.pid, worker_.child.pid});
}

void LocalStack::on_end(Service& service) {
  const pid_t pid = service.child.pid;
  const int status = reap(service.child);
  if (stopping_) {
    // The broker goes last, so that the worker can hand in what it finished.
    if (&service == &worker_ && broker_.child.runs()) ::kill(broker_.child.pid, SIGTERM);
    return;
  }
  if (&service == &worker_ && has_no_handlers(status)) return announce();
  const bool again = may_restart(service, status);
  out_.note(fmt::format("the {} (pid {}) {}; {}", service.name, pid, describe_end(status),
                        again ? "starting it again" : "stopping"));
  if (again) return start(service);
  stop(says_why(status) ? static_cast<ExitCode>(WEXITSTATUS(status)) : ExitCode::failure);
}

bool LocalStack::may_restart(Service& service, int wait_status) {
  const Mono now = read_clocks().mono;
  service.deaths.push_back(now);
  while (now - service.deaths.front() > std::chrono::minutes(1)) service.deaths.pop_front();
  return announced_ && !says_why(wait_status) && service.deaths.size() <= restarts_max;
}

void LocalStack::stop(ExitCode code) {
  stopping_ = true;
  code_ = code;
  if (first().child.runs()) ::kill(first().child.pid, SIGTERM);
}

}  // namespace joinery::cli
