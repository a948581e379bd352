#include "worker/waiting/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "shared/base/check.h"

namespace joinery::waiting {

EventLoop::Mailbox::Mailbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { JOINERY_CHECK(wake_); }

void EventLoop::Mailbox::post(Call call) {
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  wake();
}

void EventLoop::Mailbox::wake() const { ::eventfd_write(wake_.get(), 1); }

std::vector<EventLoop::Call> EventLoop::Mailbox::take() {
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  JOINERY_CHECK(epoll_);
  epoll_event event{.events = EPOLLIN, .data = {.fd = mailbox_->wake_.get()}};
  JOINERY_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_->wake_.get(), &event) == 0);
}

EventLoop::Timer EventLoop::at(Mono when, Call call) {
  const Timer timer{when, ++last_timer_};
  timers_.emplace(timer, std::move(call));
  return timer;
}

void EventLoop::watch(int descriptor, std::uint32_t events, std::function<void(std::uint32_t)> call) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) != 0) {
    JOINERY_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
  }
  watchers_[descriptor] = std::make_shared<std::function<void(std::uint32_t)>>(std::move(call));
}

void EventLoop::unwatch(int descriptor) {
  if (watchers_.erase(descriptor) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

int EventLoop::timeout_ms(bool wait) const {
  if (!wait) return 0;
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - read_clocks().mono).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

// A call may watch, unwatch and add timers: nothing is kept over it but the watcher that is called.
void EventLoop::turn(bool wait) {
  std::array<epoll_event, 64> events;
  const int number = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms(wait));
  for (int i = 0; i < number; ++i) {
    const auto& event = events.at(static_cast<std::size_t>(i));
    const auto found = watchers_.find(event.data.fd);
    if (found == watchers_.end()) continue;  // the mailbox; or not watched any more
    const Watcher watcher = found->second;
    (*watcher)(event.events);
  }
  for (const Call& call : mailbox_->take()) call();
  call_due();
}

void EventLoop::call_due() {
  const Mono now = read_clocks().mono;
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Call call = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    call();
  }
}

}  // namespace joinery::waiting
