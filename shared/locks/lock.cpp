// Lock and RLock: a gate with one permit, and who in this process holds it.
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "shared/locks/mutex.h"
#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"

namespace joinery {
namespace locks {

bool Mutex::acquire(bool blocking, const Timeout& timeout) {
  const Timeout patience = Gate::patience(blocking, timeout);
  if (reentrant_ && again()) return true;
  auto hold = gate_.acquire(patience);
  if (!hold) return false;
  const std::lock_guard guard(mutex_);
  Held& held = held_[std::this_thread::get_id()];
  if (held.hold) gate_.abandon(*held.hold);  // lost, or this one could not have come
  held = {std::move(hold), 1};
  return true;
}

bool Mutex::again() {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find(std::this_thread::get_id());
  if (found == held_.end()) return false;
  ++found->second.count;
  return true;
}

std::shared_ptr<Hold> Mutex::take_back(const char* verb, bool all, std::uint32_t* count) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find(std::this_thread::get_id());
  if (found == held_.end()) {
    throw ValueError(fmt::format("{} of lock '{}', which this thread does not hold", verb, name_));
  }
  if (count != nullptr) *count = found->second.count;
  if (!all && --found->second.count > 0) return nullptr;
  auto hold = std::move(found->second.hold);
  held_.erase(found);
  return hold;
}

void Mutex::release() {
  if (const auto hold = take_back("release", false, nullptr)) gate_.release(*hold);
}

std::uint32_t Mutex::release_all() {
  std::uint32_t count = 0;
  gate_.release(*take_back("wait", true, &count));
  return count;
}

void Mutex::acquire_again(std::uint32_t count) {
  acquire(true, {});
  const std::lock_guard guard(mutex_);
  held_[std::this_thread::get_id()].count = count;
}

std::shared_ptr<Hold> Mutex::mine() const {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find(std::this_thread::get_id());
  return found == held_.end() ? nullptr : found->second.hold;
}

Mutex::~Mutex() {
  for (auto& [thread, held] : held_) {
    try {
      gate_.release(*held.hold);
    } catch (const Exception&) {  // free when its lease ends
    }
  }
}

}  // namespace locks

BasicLock::BasicLock(const Manager& manager, std::string name, bool reentrant, locks::Options options)
    : mutex_(std::make_unique<locks::Mutex>(manager, std::move(name), reentrant, options)) {}
BasicLock::~BasicLock() = default;

bool BasicLock::acquire(bool blocking, locks::Timeout timeout) { return mutex_->acquire(blocking, timeout); }
void BasicLock::release() { mutex_->release(); }

void BasicLock::unlock() {
  try {
    mutex_->release();
  } catch (const ValueError&) {
    throw;
  } catch (const Exception&) {
  }
}

std::uint64_t BasicLock::fence() const {
  const auto hold = mutex_->mine();
  if (!hold) throw ValueError(fmt::format("fence of lock '{}', which this thread does not hold", name()));
  return hold->fence();
}

bool BasicLock::lost() const {
  const auto hold = mutex_->mine();
  return hold && hold->lost();
}

bool BasicLock::owned() const {
  const auto hold = mutex_->mine();
  return hold && !hold->lost();
}

bool BasicLock::locked() const {
  const auto& gate = mutex_->gate();
  return locks::call(gate.manager(), locks::value_script, {gate.name(), ""}, locks::Repeat::safe)
             .list.at(0)
             .integer <= 0;
}

const std::string& BasicLock::name() const { return mutex_->name(); }
const Manager& BasicLock::manager() const { return mutex_->gate().manager(); }

}  // namespace joinery
