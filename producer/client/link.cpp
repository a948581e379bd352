#include "producer/client/link.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <utility>

#include "producer/client/joinery/client.h"
#include "shared/base/check.h"

namespace joinery::client {
namespace {

SessionId random_session() {
  std::random_device random;
  auto number = [&] { return std::uint64_t{random()} << 32 | random(); };
  return {number(), number()};
}

int wait_ms(Mono deadline) {
  if (deadline == never_mono) return -1;
  constexpr std::chrono::milliseconds longest = std::chrono::hours(1);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clocks().mono);
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), longest).count());
}

void drain(int event) {
  eventfd_t count = 0;
  ::eventfd_read(event, &count);
}

}  // namespace

Link::Link(std::string endpoint)
    : endpoint_(std::move(endpoint)),
      wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      recall_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  JOINERY_CHECK(wakeup_);
  JOINERY_CHECK(recall_);
  JOINERY_CHECK(poll_);
  epoll_event event{.events = EPOLLIN, .data = {.fd = wakeup_.get()}};
  JOINERY_CHECK(::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) == 0);
  open();
}

void Link::open() {
  watch(EPOLL_CTL_DEL);
  watched_.clear();
  dealer_.reset();
  dealer_ = std::make_unique<transport::Dealer>(*context_, transport::Dealer::Options{});
  if (auto connected = dealer_->connect(endpoint_); !connected) throw ClientError(connected.error());
  watch_dealer();
}

void Link::close() {
  dealer_.reset();
  context_.reset();
}

const std::vector<int>& Link::changes() {
  dealer_->changes(changes_);
  if (!changes_.empty()) watch_dealer();
  return changes_;
}

void Link::wake() const { ::eventfd_write(wakeup_.get(), 1); }
void Link::recall() const { ::eventfd_write(recall_.get(), 1); }

void Link::stand_in(bool begins) {
  if (std::exchange(stood_in_, begins) != begins) watch(begins ? EPOLL_CTL_DEL : EPOLL_CTL_ADD);
}

// Its descriptors, which may be others than before.
void Link::watch_dealer() {
  watch(EPOLL_CTL_DEL);
  watched_ = dealer_->descriptors();
  if (!stood_in_) watch(EPOLL_CTL_ADD);
}

// Those that are not watched are none the worse for being taken away.
void Link::watch(int operation) const {
  for (const int descriptor : watched_) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
    ::epoll_ctl(poll_.get(), operation, descriptor, &event);
  }
}

void Link::sleep_until(Mono deadline) {
  std::array<epoll_event, 8> events{};
  const int number =
      ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), wait_ms(deadline));
  for (int i = 0; i < number; ++i) {
    if (events[static_cast<std::size_t>(i)].data.fd == wakeup_.get()) drain(wakeup_.get());
  }
}

void Link::wait_as_stand_in(Mono deadline) const {
  std::array<pollfd, 8> waits{pollfd{recall_.get(), POLLIN, 0}};
  JOINERY_CHECK(watched_.size() < waits.size());
  std::ranges::transform(watched_, waits.begin() + 1, [](int fd) { return pollfd{fd, POLLIN, 0}; });
  ::poll(waits.data(), 1 + watched_.size(), wait_ms(deadline));
  if (waits[0].revents != 0) drain(recall_.get());
}

protocol::Hello new_hello(protocol::Role role, const std::string& name) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  protocol::Hello hello;
  hello.role = role;
  hello.session = random_session();
  hello.name = name.empty() ? program_invocation_short_name : name;
  hello.host = host.data();
  hello.pid = static_cast<std::uint32_t>(::getpid());
  hello.software = "joinery-cpp/" JOINERY_VERSION;
  return hello;
}

std::thread quiet_thread(std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(run));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace joinery::client
