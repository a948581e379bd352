// Ctrl-C while several threads wait: a thread of its own takes SIGINT and SIGTERM, whatever the others are
// in.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "shared/base/unique_fd.h"

namespace joinery::cli {

class Interrupt {
 public:
  // When a signal comes, `then` is called by that thread, and the program ends with 128 + its number.
  // REQUIRES: the other threads block the signals, or are started later by this one.
  explicit Interrupt(std::function<void()> then);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // If a signal came: does not return. For whoever notices what `then` does.
  void end_if_taken();

 private:
  void watch();

  std::function<void()> then_;
  unique_fd signals_;
  unique_fd done_;
  std::atomic<bool> taken_ = false;
  std::thread thread_;
};

}  // namespace joinery::cli
