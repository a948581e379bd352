#include "shared/locks/line.h"

namespace joinery {

using locks::Waiter;

Event::Event(const Manager& manager, std::string name)
    : line_(std::make_unique<locks::Line>(manager, "event:" + std::move(name))) {}
Event::~Event() = default;

void Event::set() { line_->wake(-1, "1"); }
void Event::clear() { line_->wake(0, "0"); }

bool Event::is_set() const {
  return locks::call(line_->manager, locks::is_set_script, {line_->gate}, locks::Repeat::safe).integer == 1;
}

bool Event::wait(locks::Timeout timeout) {
  const Mono deadline = locks::deadline_of(timeout);
  if (deadline <= read_clocks().mono) return is_set();
  Waiter waiter(line_->manager);
  for (;;) {
    if (line_->enlist(waiter) == locks::Line::Place::event_is_set) return true;
    if (waiter.sleep(locks::line_lease / 2, deadline) == Waiter::Wake::told) return true;
    if (read_clocks().mono >= deadline) return !line_->leave(waiter).empty();
  }
}

}  // namespace joinery
