#include "shared/manager/keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <vector>

#include "shared/manager/owner.h"

namespace joinery::manager_detail {
namespace {

constexpr Duration call_limit = std::chrono::seconds(2);
constexpr Duration retry_after = std::chrono::milliseconds(100);
constexpr Duration watch_for = std::chrono::minutes(2);

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace

Keeper::Keeper(redis::Url url)
    : client_(std::move(url), call_limit), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Keeper::~Keeper() {
  if (::getpid() != pid_) {  // after a fork: the thread is the parent's
    if (thread_.joinable()) thread_.detach();
    return;
  }
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void Keeper::wake() { ::eventfd_write(wake_.get(), 1); }

// REQUIRES: mutex_. The program's signals are for the program's threads.
void Keeper::start(Mono due) {
  if (thread_.joinable()) {
    if (due < asleep_until_) wake();
    return;
  }
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Keeper::Id Keeper::keep(Duration every, Duration first, Renew renew) {
  const std::lock_guard guard(mutex_);
  const Mono due = read_clocks().mono + first;
  entries_.emplace(++last_, Entry{every, due, std::make_shared<Renew>(std::move(renew))});
  start(due);
  return last_;
}

void Keeper::forget(Id id) {
  const std::lock_guard guard(mutex_);
  entries_.erase(id);
}

void Keeper::watch(const std::string& owner, const Renew& died) {
  const auto process = neighbour(owner);
  if (!process) return;
  const std::lock_guard guard(mutex_);
  const Mono until = read_clocks().mono + watch_for;
  if (const auto found = watches_.find(owner); found != watches_.end()) {
    found->second.until = until;
    return;
  }
  auto watched = manager_detail::watch(*process);
  if (!watched) return;
  watches_.emplace(owner, Watch{*std::move(watched), until, std::make_shared<Renew>(died)});
  start(Mono{});
}

void Keeper::run() {
  for (;;) {
    wait();
    const Mono now = read_clocks().mono;
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return;
    }
    look_at_watches(now);
    renew_due(now);
  }
}

void Keeper::wait() {
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  Mono until = never_mono;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, entry] : entries_) until = std::min(until, entry.due);
    for (const auto& [owner, watch] : watches_) {
      if (watch.process && watch.retry == Mono{}) fds.push_back({watch.process.get(), POLLIN, 0});
      until = std::min(until, watch.process && watch.retry == Mono{} ? watch.until : watch.retry);
    }
    asleep_until_ = until;
  }
  int wait_ms = -1;
  if (until != never_mono) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().mono).count();
    wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  ::poll(fds.data(), fds.size(), wait_ms);
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  const std::lock_guard guard(mutex_);
  asleep_until_ = Mono{};  // awake: it will look at every deadline itself
}

void Keeper::renew_due(Mono now) {
  for (;;) {
    Id id = 0;
    std::shared_ptr<Renew> renew;
    {
      const std::lock_guard guard(mutex_);
      const auto due = std::ranges::find_if(entries_, [&](const auto& e) { return e.second.due <= now; });
      if (due == entries_.end() || stopping_) return;
      id = due->first;
      renew = due->second.renew;
      due->second.due = now + due->second.every;
    }
    if ((*renew)(client_)) continue;
    const std::lock_guard guard(mutex_);
    if (const auto entry = entries_.find(id); entry != entries_.end()) {
      entry->second.due = read_clocks().mono + std::min(retry_after, entry->second.every);
    }
  }
}

void Keeper::look_at_watches(Mono now) {
  std::vector<std::pair<std::string, std::shared_ptr<Renew>>> dead;
  {
    const std::lock_guard guard(mutex_);
    std::erase_if(watches_, [&](const auto& one) { return one.second.process && one.second.until <= now; });
    for (auto& [owner, watch] : watches_) {
      if (watch.retry > now || (watch.process && !readable(watch.process.get()))) continue;
      watch.retry = now + retry_after;
      dead.emplace_back(owner, watch.died);
    }
  }
  for (const auto& [owner, died] : dead) {
    if (!(*died)(client_)) continue;
    const std::lock_guard guard(mutex_);
    watches_.erase(owner);
  }
}

}  // namespace joinery::manager_detail
