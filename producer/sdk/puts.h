// What a queue has put and not waited for.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "joinery/client.h"

namespace joinery::sdk {

// Puts that were not waited for: how many have begun and ended, and the first that failed.
class Puts {
 public:
  void begin() { begun_.fetch_add(1, std::memory_order_relaxed); }
  void end(const Result<JobId>& answer) {
    if (!answer) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = answer.error();
      failed_ = true;
    }
    // Read before: when the last one has ended, all this may be gone.
    const std::uint64_t begun = begun_.load(std::memory_order_relaxed);
    const std::uint64_t ended = ended_.fetch_add(1, std::memory_order_release) + 1;
    if (ended >= begun || ended % 256 == 0) ended_.notify_all();
  }
  // Until none is under way.
  void wait() const {
    for (auto ended = ended_.load(); ended != begun_.load(); ended = ended_.load()) ended_.wait(ended);
  }
  // Until as many have ended as are begun now: others may go on to put. (They are answered in their order,
  // but for those that are refused here.)
  void wait_for_these() const {
    const std::uint64_t begun = begun_.load();
    for (auto ended = ended_.load(); ended < begun; ended = ended_.load()) ended_.wait(ended);
  }
  // Each failure is told once.
  void check() {
    if (!failed_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    failed_ = false;
    if (auto error = std::exchange(error_, std::nullopt)) throw ClientError(std::move(*error));
  }

 private:
  std::atomic<std::uint64_t> begun_ = 0;
  std::atomic<std::uint64_t> ended_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace joinery::sdk
