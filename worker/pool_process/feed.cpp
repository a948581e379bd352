#include "worker/pool_process/feed.h"

#include <algorithm>

namespace joinery::pool_process {

std::shared_ptr<Batch> Batch::without(const std::set<JobId>& unwanted, std::vector<JobId>& withdrawn) {
  const auto is_unwanted = [&unwanted](const pool::RunJob& job) { return unwanted.contains(job.token.job); };
  if (used_up() || std::ranges::none_of(jobs, is_unwanted)) return nullptr;
  auto rest = std::make_shared<Batch>();
  rest->name = name;
  rest->handler = handler;
  rest->waiting = waiting;
  rest->info = info;
  rest->memory = memory;
  rest->shared = shared;
  for (std::size_t i = next_.exchange(jobs.size(), std::memory_order_relaxed); i < jobs.size(); ++i) {
    if (is_unwanted(jobs[i])) {
      withdrawn.push_back(jobs[i].token.job);
    } else {
      rest->jobs.push_back(jobs[i]);
    }
  }
  return rest;
}

std::vector<JobId> Feed::withdraw(const std::set<JobId>& unwanted) {
  std::vector<JobId> withdrawn;
  const std::lock_guard lock(mutex_);
  for (auto& batch : batches_) {
    if (auto rest = batch->without(unwanted, withdrawn)) batch = std::move(rest);
  }
  return withdrawn;
}

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

std::shared_ptr<Batch> Feed::front() {
  while (!batches_.empty() && batches_.front()->used_up()) batches_.pop_front();
  return batches_.empty() ? nullptr : batches_.front();
}

std::shared_ptr<Batch> Feed::oldest_now(bool& closed) {
  const std::lock_guard lock(mutex_);
  closed = closed_;
  return front();
}

std::shared_ptr<Batch> Feed::oldest(const std::function<void()>& before_waiting,
                                    const std::function<bool()>& read) {
  for (;;) {
    bool closed = false;
    if (auto batch = oldest_now(closed); batch || closed) return batch;
    before_waiting();
    if (read()) continue;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || front() != nullptr; });
  }
}

}  // namespace joinery::pool_process
