#include "broker/server/given_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace joinery::broker::server {
namespace {

// "1-3, 7": ids that grow.
class Ranges {
 public:
  void add(JobId id, std::uint64_t count = 1) {
    if (count == 0) return;
    if (count_ != 0 && id == first_ + count_) {
      count_ += count;
      return;
    }
    close();
    first_ = id;
    count_ = count;
  }
  std::string text() {
    close();
    return std::move(text_);
  }

 private:
  void close() {
    if (count_ == 0) return;
    if (!text_.empty()) text_ += ", ";
    fmt::format_to(std::back_inserter(text_), "{}", first_);
    if (count_ > 1) fmt::format_to(std::back_inserter(text_), "-{}", first_ + count_ - 1);
    count_ = 0;
  }

  std::string text_;
  JobId first_ = 0, count_ = 0;
};

}  // namespace

std::string ranges_of(std::vector<JobId> jobs) {
  std::ranges::sort(jobs);
  Ranges ranges;
  for (const JobId id : jobs) ranges.add(id);
  return ranges.text();
}

Result<> GivenUp::change(const Change& change, std::uint64_t) {
  if (const auto* put = std::get_if<change::Put>(&change)) {
    for (JobId id = put->first; id < put->first + put->count; ++id) {
      put_[id] = put->queue;
      seen_.insert(id);
    }
    next_job_ = std::max(next_job_, put->first + put->count);
  } else if (const auto* finish = std::get_if<change::Finish>(&change)) {
    for (const Run& run : finish->runs) end(run.first, run.count);
  } else if (const auto* drop = std::get_if<change::Drop>(&change)) {
    end(drop->first, drop->count);
  } else if (const auto* queue = std::get_if<change::Queue>(&change)) {
    names_[queue->id] = queue->name;
  } else if (const auto* transfer = std::get_if<change::Transfer>(&change)) {
    if (const auto found = put_.find(transfer->job); found != put_.end()) found->second = transfer->queue;
  } else if (const auto* batch = std::get_if<change::OpenBatch>(&change)) {
    next_batch_ = std::max(next_batch_, batch->id + 1);
  } else if (const auto* epoch = std::get_if<change::Epoch>(&change)) {
    epoch_ = std::max(epoch_, epoch->epoch);
    const JobId next = std::max(next_job_, kept_.next_job());
    if (epoch->next_job > next) left_out_[next] = epoch->next_job;
    next_job_ = std::max(next_job_, epoch->next_job);
    next_batch_ = std::max(next_batch_, epoch->next_batch);
  }
  return {};
}

void GivenUp::end(JobId first, std::uint32_t count) {
  for (JobId id = first; id < first + count; ++id) {
    if (put_.erase(id) == 0) ended_.insert(id);
    seen_.insert(id);
    next_job_ = std::max(next_job_, id + 1);
  }
}

std::map<std::string, std::string> GivenUp::jobs() const {
  std::map<std::string, Ranges> ranges;
  const std::size_t known = kept_.queues().size();
  for (const auto& [id, queue] : put_) {
    const auto name = names_.find(queue);
    if (name != names_.end()) {
      ranges[name->second].add(id);
    } else {
      ranges[queue <= known ? std::string(kept_.queue_name(queue)) : fmt::format("number {}", queue)].add(id);
    }
  }
  std::map<std::string, std::string> out;
  for (auto& [queue, ids] : ranges) out[queue] = ids.text();
  return out;
}

std::string GivenUp::unknown(JobId first) const {
  Ranges ranges;
  const auto add = [&](JobId begin, JobId end) {
    for (const auto& [from, to] : left_out_) {
      if (from >= end || to <= begin) continue;
      if (from > begin) ranges.add(begin, from - begin);
      begin = std::min(to, end);
    }
    ranges.add(begin, end - begin);
  };
  for (auto seen = seen_.lower_bound(first); seen != seen_.end(); ++seen) {
    add(first, *seen);
    first = *seen + 1;
  }
  return ranges.text();
}

std::string GivenUp::run_again() const {
  Ranges ranges;
  for (const JobId id : ended_) {
    const auto job = kept_.job(id);
    if (job && !job->outcome) ranges.add(id);
  }
  return ranges.text();
}

}  // namespace joinery::broker::server
