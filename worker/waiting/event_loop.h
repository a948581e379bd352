// What many coroutines of one thread wait for: times, descriptors, and calls from other threads. Asleep in
// epoll_wait(2) between.
//
// Threads: belongs to one; its Mailbox is for all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <typeindex>
#include <vector>

#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

namespace joinery::waiting {

class EventLoop {
 public:
  using Call = std::function<void()>;

  // Whoever has one may outlive the loop: what is posted then is dropped.
  class Mailbox {
   public:
    Mailbox();
    void post(Call call);
    void wake() const;

   private:
    friend class EventLoop;
    std::vector<Call> take();
    const unique_fd wake_;
    std::mutex mutex_;
    std::vector<Call> calls_;
  };

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  using Timer = std::pair<Mono, std::uint64_t>;
  Timer at(Mono when, Call call);
  void forget(const Timer& timer) { timers_.erase(timer); }

  // `call` gets the events of epoll(7) that came, until unwatch(). Again: changes them.
  void watch(int descriptor, std::uint32_t events, std::function<void(std::uint32_t)> call);
  void unwatch(int descriptor);

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  // Calls what has come and what is due. `wait`: until there is something.
  void turn(bool wait);

  // The one object of this type of this loop, made when it is asked for first: its connections, say.
  template <typename T>
  T& companion() {
    auto& place = companions_[typeid(T)];
    if (!place) place = std::make_shared<T>(*this);
    return *static_cast<T*>(place.get());
  }

 private:
  int timeout_ms(bool wait) const;
  void call_due();

  using Watcher = std::shared_ptr<std::function<void(std::uint32_t)>>;
  const unique_fd epoll_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::map<Timer, Call> timers_;
  std::uint64_t last_timer_ = 0;
  std::map<int, Watcher> watchers_;
  std::map<std::type_index, std::shared_ptr<void>> companions_;  // the first to go: they unwatch
};

}  // namespace joinery::waiting
