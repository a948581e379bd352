// A descriptor that becomes readable at a time.
#pragma once

#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

namespace joinery::transport {

class Alarm {
 public:
  Alarm();
  // In place of what was set before; at once if the time is over. never_mono: not at all.
  void set(Mono at);
  bool is_set() const { return set_; }
  int descriptor() const { return timer_.get(); }

 private:
  unique_fd timer_;
  bool set_ = false;
};

}  // namespace joinery::transport
