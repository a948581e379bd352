#include "worker/pool_process/feed.h"

namespace joinery::pool_process {

void Feed::push(std::shared_ptr<Batch> batch) {
  const bool many = batch->jobs.size() > 1;
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(std::move(batch));
  }
  many ? changed_.notify_all() : changed_.notify_one();
}

void Feed::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::shared_ptr<Batch> Feed::oldest(const std::function<void()>& before_waiting) {
  std::unique_lock lock(mutex_);
  for (bool told = false;;) {
    while (!batches_.empty() && batches_.front()->used_up()) batches_.pop_front();
    if (!batches_.empty()) return batches_.front();
    if (closed_) return nullptr;
    if (!told) {
      lock.unlock();
      before_waiting();
      lock.lock();
      told = true;
    } else {
      changed_.wait(lock);
    }
  }
}

}  // namespace joinery::pool_process
