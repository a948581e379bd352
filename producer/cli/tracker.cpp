#include "producer/cli/tracker.h"

#include <algorithm>

namespace joinery::cli {

void Tracker::accepted(JobId first, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::upper_bound(runs_, first, {}, &Run::first);
  runs_.insert(at, Run{first, count, taken_.size()});
  taken_.resize(taken_.size() + count);
}

void Tracker::ended(JobOutcome outcome) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(outcome));
}

const Tracker::Run* Tracker::run_of(JobId job) const {
  const auto after = std::ranges::upper_bound(runs_, job, {}, &Run::first);
  if (after == runs_.begin()) return nullptr;
  const Run& run = *std::prev(after);
  return job < run.first + run.count ? &run : nullptr;
}

std::vector<Tracker::Item> Tracker::take() {
  const std::lock_guard lock(mutex_);
  std::vector<Item> items;
  std::vector<JobOutcome> too_early;
  for (JobOutcome& outcome : waiting_) {
    const Run* run = run_of(outcome.job);
    if (run == nullptr) {
      too_early.push_back(std::move(outcome));
      continue;
    }
    const std::uint64_t index = run->index + (outcome.job - run->first);
    if (taken_[index]) continue;
    taken_[index] = true;
    items.push_back({index, std::move(outcome)});
  }
  waiting_ = std::move(too_early);
  return items;
}

std::vector<JobId> Tracker::missing() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobId> jobs;
  for (const Run& run : runs_)
    for (std::uint64_t i = 0; i < run.count; ++i)
      if (!taken_[run.index + i]) jobs.push_back(run.first + i);
  return jobs;
}

std::uint64_t Tracker::accepted_count() const {
  const std::lock_guard lock(mutex_);
  return taken_.size();
}

JobId Tracker::first() const {
  const std::lock_guard lock(mutex_);
  return runs_.front().first;
}

}  // namespace joinery::cli
