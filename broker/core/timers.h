// Heaps of times. What is due is handed out once; whoever gets it checks whether it still means something
// (nothing is ever taken out of the middle).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::broker {

// Entry has a member `at`.
template <typename Entry>
class Timers {
 public:
  using Time = decltype(Entry::at);

  void add(const Entry& entry) {
    heap_.push_back(entry);
    std::ranges::push_heap(heap_, later);
  }
  // The next entry that is due, if any.
  bool take_due(Time now, Entry& entry) {
    if (heap_.empty() || heap_.front().at > now) return false;
    std::ranges::pop_heap(heap_, later);
    entry = heap_.back();
    heap_.pop_back();
    return true;
  }
  Time next() const { return heap_.empty() ? Time::max() : heap_.front().at; }
  std::size_t memory_bytes() const { return heap_.capacity() * sizeof(Entry); }

 private:
  static bool later(const Entry& a, const Entry& b) { return a.at > b.at; }
  std::vector<Entry> heap_;
};

// A scheduled job that waits for a delay or backoff; `due` tells whether it is still the same wait.
struct DelayTimer {
  Mono at;
  Wall due;
  JobId job = 0;
};
// A job with run_at or expires_at.
struct WallTimer {
  Wall at;
  JobId job = 0;
};
// A queue's history may have grown too old.
struct HistoryTimer {
  Wall at;
  std::uint32_t queue = 0;
};
// A session's lease, grace or expiry (sequence 0), or the time-out of its parked put.
struct SessionTimer {
  Mono at;
  SessionId session;
  std::uint64_t sequence = 0;
  bool if_away = false;  // the put is withdrawn only if nobody has been there since
};

}  // namespace joinery::broker
