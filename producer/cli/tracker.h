// Which item each of map's jobs came from, and which outcomes are still to be printed. Outcomes may come
// before the ids of their jobs are known here.
//
// Threads: any.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "producer/client/joinery/client.h"

namespace joinery::cli {

class Tracker {
 public:
  // `count` items became jobs first, first+1, ... Called in the order of the items.
  void accepted(JobId first, std::uint64_t count);
  void ended(JobOutcome outcome);

  struct Item {
    std::uint64_t index = 0;
    JobOutcome outcome;
  };
  // Outcomes since the last call, each job once.
  std::vector<Item> take();
  // Jobs without an outcome so far.
  std::vector<JobId> missing() const;
  std::uint64_t accepted_count() const;
  // REQUIRES: some were accepted.
  JobId first() const;

 private:
  struct Run {
    JobId first = 0;
    std::uint64_t count = 0;
    std::uint64_t index = 0;  // of the first
  };
  const Run* run_of(JobId job) const;

  mutable std::mutex mutex_;
  std::vector<Run> runs_;    // by growing id: the broker gives ids in the order of acceptance
  std::vector<bool> taken_;  // by index
  std::vector<JobOutcome> waiting_;
};

}  // namespace joinery::cli
