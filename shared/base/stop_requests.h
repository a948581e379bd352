// How often a program was asked to stop. One request may come as several signals: GNU timeout signals the
// process and then its group, a terminal the whole group, each member of which may pass it on.
#pragma once

#include "shared/base/time.h"

namespace joinery {

class StopRequests {
 public:
  // A signal that comes so soon after the first of a request belongs to it. Who passes requests on should
  // wait longer than those it passes them to, so that each of its own is one for them as well.
  explicit StopRequests(Duration same) : same_(same) {}

  // True if this signal is a request of its own.
  bool take(Mono now) {
    if (count_ > 0 && now - last_ < same_) return false;
    last_ = now;
    ++count_;
    return true;
  }
  int count() const { return count_; }

 private:
  const Duration same_;
  Mono last_{};  // when the first signal of the last request came
  int count_ = 0;
};

}  // namespace joinery
