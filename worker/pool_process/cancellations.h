// Which of the jobs at hand should stop, and whom to tell.
//
// Threads: any. While there are none, a look costs one load.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "shared/base/error.h"
#include "shared/job/job.h"

namespace joinery::pool_process {

class Cancellations {
 public:
  // Calls who asked to be told.
  void cancel(JobId job, Code reason);
  std::optional<Code> reason(JobId job) const {
    return size_.load(std::memory_order_acquire) == 0 ? std::nullopt : find(job);
  }
  // See JobContext::on_cancel.
  void on_cancel(JobId job, std::function<void()> call);
  // The job has ended, or is delivered anew: what was said of it before is void.
  void forget(JobId job) {
    if (size_.load(std::memory_order_acquire) != 0) erase(job);
  }
  // No job is at hand.
  void forget_all();

 private:
  std::optional<Code> find(JobId job) const;
  void erase(JobId job);

  struct Entry {
    std::optional<Code> reason;
    std::function<void()> call;
  };
  // Recursive, for a call that asks whether its job is cancelled.
  mutable std::recursive_mutex mutex_;
  std::map<JobId, Entry> entries_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace joinery::pool_process
