// The jobs at hand, in the order received, from the thread that reads to those that run them. Jobs travel in
// batches: the lock is taken once per batch, a job costs one atomic addition.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "shared/protocol/pool.h"
#include "worker/handlers/registry.h"

namespace joinery::pool_process {

// The jobs of one run message. Shared by the threads that take from it.
struct Batch {
  std::string name;                            // of the handler
  const handlers::Handler* handler = nullptr;  // of handler and waiting, one or none
  const handlers::WaitingHandler* waiting = nullptr;
  pool::RunInfo info;
  std::vector<pool::RunJob> jobs;
  std::shared_ptr<const char[]> memory;  // where the payloads are
  std::shared_ptr<const SharedPlace> shared;

  // Each job is given to one caller. Null: none is left.
  const pool::RunJob* take() {
    const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    return index < jobs.size() ? &jobs[index] : nullptr;
  }
  // Takes all that are left: of them, those in `unwanted` are appended to `withdrawn`, the others are
  // returned as a batch of their own. Null, and nothing is taken, if none of this batch is unwanted.
  std::shared_ptr<Batch> without(const std::set<JobId>& unwanted, std::vector<JobId>& withdrawn);
  bool used_up() const { return next_.load(std::memory_order_relaxed) >= jobs.size(); }

 private:
  std::atomic<std::size_t> next_{0};
};

class Feed {
 public:
  void push(std::shared_ptr<Batch> batch);
  // Takes back those of these jobs that no thread has begun; returns them.
  std::vector<JobId> withdraw(const std::set<JobId>& unwanted);
  // No more will come.
  void close();
  // The oldest batch with jobs left. If it has to wait it calls `before_waiting`, and then `read`, which
  // waits for something to come and returns true, or false at once if another thread does so. Null after
  // close(), when all is taken.
  std::shared_ptr<Batch> oldest(const std::function<void()>& before_waiting,
                                const std::function<bool()>& read);
  // The same without waiting. Null: there is none, and `closed` says whether any will come.
  std::shared_ptr<Batch> oldest_now(bool& closed);

 private:
  std::shared_ptr<Batch> front();  // REQUIRES: mutex_

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Batch>> batches_;
  bool closed_ = false;
};

}  // namespace joinery::pool_process
