// Who waits for whose outcome: jobs that come after others.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shared/job/job.h"

namespace joinery::broker {

// What a job comes after. Kept for the whole life of the job: its handler may be given their results.
struct Waits {
  struct For {
    std::uint64_t id = 0;  // of a job, or of a batch
    bool batch = false;
    bool done = false;
    bool operator==(const For&) const = default;
  };
  std::vector<For> all;    // jobs in the order given, then batches
  std::uint32_t left = 0;  // not done
  For broken;  // if its id is not 0: this one did not succeed, and the job ends without having run

  bool over() const { return left == 0 && broken.id == 0; }
};

// Of a job or batch: who waits for it. Some of them may be gone.
class Dependents {
 public:
  void add(const Waits::For& first, JobId waiting) { of(first.batch)[first.id].push_back(waiting); }
  // Takes them out.
  std::vector<JobId> take(bool batch, std::uint64_t id) {
    auto node = of(batch).extract(id);
    return node.empty() ? std::vector<JobId>{} : std::move(node.mapped());
  }
  bool of_batch(BatchId id) const { return batches_.contains(id); }
  std::size_t size() const { return jobs_.size() + batches_.size(); }

 private:
  using Map = std::unordered_map<std::uint64_t, std::vector<JobId>>;
  Map& of(bool batch) { return batch ? batches_ : jobs_; }
  Map jobs_;
  Map batches_;
};

}  // namespace joinery::broker
