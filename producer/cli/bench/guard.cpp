#include "producer/cli/bench/guard.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>

namespace joinery::cli::bench {
namespace {

// Of a process that has ended; it stays to be reaped.
int wait_status_of(pid_t pid) {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
}

}  // namespace

Guard::Guard(std::function<void(const std::string& what, int wait_status)> ended)
    : ended_(std::move(ended)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), &event);
}

Guard::~Guard() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Guard::watch(const Child& child, const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    watched_[child.pid] = what;
  }
  epoll_event event{.events = EPOLLIN, .data = {.u64 = static_cast<std::uint64_t>(child.pid)}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, child.pidfd.get(), &event);
}

void Guard::leave(const Child& child) {
  // What is unwound now may come from a connection, which breaks a moment before its process has ended.
  const int wait_ms = std::uncaught_exceptions() > 0 ? 200 : 0;
  pollfd ended{child.pidfd.get(), POLLIN, 0};
  if (::poll(&ended, 1, wait_ms) > 0) thread_.join();  // it ends the program
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, child.pidfd.get(), nullptr);
  const std::lock_guard lock(mutex_);
  watched_.erase(child.pid);
}

void Guard::run() {
  epoll_event event{};
  while (::epoll_wait(epoll_.get(), &event, 1, -1) != 1) {
  }
  if (event.data.u64 == 0) return;
  const auto pid = static_cast<pid_t>(event.data.u64);
  std::string what;
  {
    const std::lock_guard lock(mutex_);
    what = watched_[pid];
  }
  ended_(what, wait_status_of(pid));
}

}  // namespace joinery::cli::bench
