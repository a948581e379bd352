#include "producer/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace joinery::cli {
namespace {

sigset_t signals_taken() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&set, number);
  return set;
}

}  // namespace

Interrupt::Interrupt(std::function<void()> then) : then_(std::move(then)), done_(::eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = signals_taken();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC));
  thread_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  ::eventfd_write(done_.get(), 1);
  thread_.join();
  const sigset_t set = signals_taken();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupt::watch() {
  std::array<pollfd, 2> watched{{{signals_.get(), POLLIN, 0}, {done_.get(), POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0) {
  }
  signalfd_siginfo info{};
  if (watched[0].revents == 0 || ::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  taken_ = true;
  then_();
  ::_exit(128 + static_cast<int>(info.ssi_signo));
}

void Interrupt::end_if_taken() {
  if (taken_) thread_.join();
}

}  // namespace joinery::cli
