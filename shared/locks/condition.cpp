// Condition: a line beside a lock.
#include <algorithm>

#include <fmt/format.h>

#include "shared/locks/line.h"
#include "shared/locks/mutex.h"

namespace joinery {

using locks::Waiter;

Condition::Condition(BasicLock& lock)
    : lock_(lock), line_(std::make_unique<locks::Line>(lock.manager(), "condition:" + lock.name())) {}

Condition::Condition(const Manager& manager, std::string name)
    : own_(std::make_unique<RLock>(manager, name)),
      lock_(*own_),
      line_(std::make_unique<locks::Line>(manager, "condition:" + name)) {}

Condition::~Condition() = default;

void Condition::require_lock(const char* verb) const {
  if (lock_.mutex_->mine()) return;
  throw ValueError(
      fmt::format("{} on a condition of lock '{}', which this thread does not hold", verb, lock_.name()));
}

// In the line before the lock is given up: who notifies holds the lock, so no notification is missed. A lost
// connection counts as one, for it may have taken one with it.
bool Condition::wait(locks::Timeout timeout) {
  require_lock("wait");
  const Mono deadline = locks::deadline_of(timeout);
  Waiter waiter(line_->manager);
  line_->enlist(waiter);
  const std::uint32_t count = lock_.mutex_->release_all();
  bool told = false;
  try {
    while (!told) {
      told = waiter.sleep(locks::line_lease / 2, deadline) != Waiter::Wake::nothing;
      if (!told && read_clocks().mono >= deadline) {
        told = !line_->leave(waiter).empty();
        break;
      }
      if (!told) told = line_->enlist(waiter) == locks::Line::Place::was_woken;
    }
  } catch (const Exception&) {
    lock_.mutex_->acquire_again(count);
    throw;
  }
  lock_.mutex_->acquire_again(count);
  return told;
}

bool Condition::wait_for(const std::function<bool()>& predicate, locks::Timeout timeout) {
  const Mono deadline = locks::deadline_of(timeout);
  require_lock("wait_for");
  for (;;) {
    if (predicate()) return true;
    const Mono now = read_clocks().mono;
    if (now >= deadline) return false;
    wait(deadline == never_mono ? locks::Timeout()
                                : locks::Timeout(std::chrono::duration_cast<locks::Seconds>(deadline - now)));
  }
}

void Condition::notify(std::uint32_t number) {
  require_lock("notify");
  // What the dead were told is for the next in line.
  for (std::int64_t left = number; left != 0;) left = line_->wake(left, "");
}

void Condition::notify_all() {
  require_lock("notify_all");
  line_->wake(-1, "");
}

}  // namespace joinery
