#include "producer/client/link.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "producer/client/joinery/client.h"
#include "shared/base/check.h"

namespace joinery::client {
namespace {

SessionId random_session() {
  std::random_device random;
  auto number = [&] { return std::uint64_t{random()} << 32 | random(); };
  return {number(), number()};
}

}  // namespace

Link::Link(std::string endpoint)
    : endpoint_(std::move(endpoint)), wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  JOINERY_CHECK(wakeup_);
  open();
}

void Link::open() {
  dealer_.reset();
  dealer_ = std::make_unique<transport::Dealer>(*context_, transport::Dealer::Options{});
  if (auto connected = dealer_->connect(endpoint_); !connected) throw ClientError(connected.error());
}

void Link::close() {
  dealer_.reset();
  context_.reset();
}

const std::vector<int>& Link::changes() {
  dealer_->changes(changes_);
  return changes_;
}

void Link::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wakeup_.get(), &one, sizeof one);  // full: it is awake
}

void Link::sleep_until(Mono deadline) {
  std::vector<pollfd> waits{{wakeup_.get(), POLLIN, 0}};
  for (int descriptor : dealer_->descriptors()) waits.push_back({descriptor, POLLIN, 0});
  int wait_ms = -1;
  if (deadline != never_mono) {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(1);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - read_clocks().mono);
    wait_ms = static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), longest).count());
  }
  ::poll(waits.data(), waits.size(), wait_ms);
  std::uint64_t count = 0;
  if (waits[0].revents != 0) {
    [[maybe_unused]] const ssize_t taken = ::read(wakeup_.get(), &count, sizeof count);
  }
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
