#include "worker/supervisor/burst.h"

namespace joinery::worker {
namespace {

constexpr Duration quiet = std::chrono::milliseconds(100);  // before the first question, and between two
constexpr Duration patience = std::chrono::seconds(3);      // with jobs that are ready and don't come

}  // namespace

Burst::Next Burst::turn(Mono now, bool busy) {
  if (busy) {
    *this = Burst{};
    return Next::wait;
  }
  if (idle_since_ == never_mono) {
    idle_since_ = now;
    ask_at_ = now + quiet;
  }
  if (asked_ && ready_) {
    if (*ready_ == 0 || now >= idle_since_ + patience) return Next::done;
    asked_ = false;
    ready_.reset();
    ask_at_ = now + quiet;
  }
  if (asked_ || now < ask_at_) return Next::wait;
  asked_ = true;
  ask_at_ = never_mono;
  return Next::ask;
}

}  // namespace joinery::worker
