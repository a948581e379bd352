// Semaphore and BoundedSemaphore: a gate with a number of permits, and those that this object holds.
#include <fmt/format.h>

#include <mutex>
#include <vector>

#include "shared/locks/gate.h"
#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"

namespace joinery {
namespace locks {

class Permits {
 public:
  Permits(const Manager& manager, std::string its_name, std::uint32_t value, bool bounded, Options options)
      : name(std::move(its_name)),
        gate(manager, "semaphore:" + name, std::to_string(value), options),
        bounded_(bounded) {}

  void add(std::shared_ptr<Hold> hold) {
    const std::lock_guard guard(mutex_);
    held_.push_back(std::move(hold));
  }
  // At most so many. A bounded semaphore has as many.
  std::vector<std::shared_ptr<Hold>> take(std::size_t number) {
    const std::lock_guard guard(mutex_);
    if (bounded_ && held_.size() < number) {
      throw ValueError(fmt::format("semaphore '{}' is released more often than it was acquired", name));
    }
    const std::size_t taken = std::min(number, held_.size());
    std::vector<std::shared_ptr<Hold>> out(held_.end() - static_cast<std::ptrdiff_t>(taken), held_.end());
    held_.resize(held_.size() - taken);
    return out;
  }
  std::vector<std::shared_ptr<Hold>> take_all() {
    const std::lock_guard guard(mutex_);
    return std::exchange(held_, {});
  }

  const std::string name;
  Gate gate;

 private:
  const bool bounded_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Hold>> held_;
};

}  // namespace locks

Semaphore::Semaphore(const Manager& manager, std::string name, std::uint32_t value, locks::Options options)
    : Semaphore(manager, std::move(name), value, false, options) {}

Semaphore::Semaphore(const Manager& manager, std::string name, std::uint32_t value, bool bounded,
                     locks::Options options)
    : permits_(std::make_unique<locks::Permits>(manager, std::move(name), value, bounded, options)) {
  const auto& gate = permits_->gate;
  const auto answer =
      locks::call(manager, locks::value_script, {gate.name(), gate.value()}, locks::Repeat::safe);
  if (const auto its = answer.list.at(1).integer; its != value) {
    throw ValueError(
        fmt::format("value: semaphore '{}' was made with {}, not {}", permits_->name, its, value));
  }
}

Semaphore::~Semaphore() {
  for (const auto& hold : permits_->take_all()) {
    try {
      permits_->gate.release(*hold);
    } catch (const Exception&) {  // free when its lease ends
    }
  }
}

bool Semaphore::acquire(bool blocking, locks::Timeout timeout) {
  auto hold = permits_->gate.acquire(locks::Gate::patience(blocking, timeout));
  if (!hold) return false;
  permits_->add(std::move(hold));
  return true;
}

void Semaphore::release(std::uint32_t number) {
  if (number == 0) throw ValueError("number: expected at least 1");
  const auto held = permits_->take(number);
  for (const auto& hold : held) permits_->gate.release(*hold);
  const std::size_t more = number - held.size();
  if (more == 0) return;
  const auto& gate = permits_->gate;
  locks::call(gate.manager(), locks::raise_script, {gate.name(), std::to_string(more)}, locks::Repeat::never);
}

void Semaphore::unlock() {
  try {
    release();
  } catch (const ValueError&) {
    throw;
  } catch (const Exception&) {
  }
}

std::int64_t Semaphore::get_value() const {
  const auto& gate = permits_->gate;
  return locks::call(gate.manager(), locks::value_script, {gate.name(), gate.value()}, locks::Repeat::safe)
      .list.at(0)
      .integer;
}

const std::string& Semaphore::name() const { return permits_->name; }

}  // namespace joinery
