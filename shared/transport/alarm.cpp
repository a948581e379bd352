#include "shared/transport/alarm.h"

#include <sys/timerfd.h>

#include <algorithm>

#include "shared/base/check.h"

namespace joinery::transport {

Alarm::Alarm() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  JOINERY_CHECK(timer_);
}

void Alarm::set(Mono at) {
  itimerspec alarm{};  // zero: not at all
  set_ = at != never_mono;
  if (set_) {
    const Duration left = std::max<Duration>(at - read_clocks().mono, Duration(1));
    alarm.it_value.tv_sec = left / std::chrono::seconds(1);
    alarm.it_value.tv_nsec = (left % std::chrono::seconds(1)) / std::chrono::nanoseconds(1);
  }
  JOINERY_CHECK(::timerfd_settime(timer_.get(), 0, &alarm, nullptr) == 0);
}

}  // namespace joinery::transport
