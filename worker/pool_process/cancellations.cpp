#include "worker/pool_process/cancellations.h"

#include <utility>

namespace joinery::pool_process {

void Cancellations::cancel(JobId job, Code reason) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[job];
  size_.store(entries_.size(), std::memory_order_release);
  if (entry.reason) return;
  entry.reason = reason;
  if (entry.call) std::exchange(entry.call, nullptr)();
}

void Cancellations::on_cancel(JobId job, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[job];
  size_.store(entries_.size(), std::memory_order_release);
  if (entry.reason && call) return call();
  entry.call = std::move(call);
}

std::optional<Code> Cancellations::find(JobId job) const {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(job);
  return at == entries_.end() ? std::nullopt : at->second.reason;
}

void Cancellations::erase(JobId job) {
  const std::lock_guard lock(mutex_);
  entries_.erase(job);
  size_.store(entries_.size(), std::memory_order_release);
}

void Cancellations::forget_all() {
  if (size_.load(std::memory_order_acquire) == 0) return;
  const std::lock_guard lock(mutex_);
  entries_.clear();
  size_.store(0, std::memory_order_release);
}

}  // namespace joinery::pool_process
