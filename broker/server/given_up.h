// What a repair of the journal gives up: told the changes behind the damage, as far as they can be read, it
// names the jobs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/core/core.h"
#include "broker/journal/journal.h"

namespace joinery::broker::server {

// "1-3, 7"
std::string ranges_of(std::vector<JobId> jobs);

class GivenUp : public Recovery {
 public:
  // `kept`: what is left; looked at when asked.
  explicit GivenUp(const Core& kept) : kept_(kept) {}

  Result<> checkpoint(Bytes) override { return {}; }
  Result<> change(const Change& change, std::uint64_t position) override;

  // Ranges of ids by queue ("1-3, 7"): put behind the damage, and not ended there.
  std::map<std::string, std::string> jobs() const;
  // Ids that were given between `first` and the last that was seen, and of which nothing can be read. Not
  // those that an earlier repair has left out.
  std::string unknown(JobId first) const;
  // Jobs that are left, and ended behind the damage.
  std::string run_again() const;

  std::uint32_t epoch() const { return epoch_; }
  JobId next_job() const { return next_job_; }
  BatchId next_batch() const { return next_batch_; }

 private:
  void end(JobId first, std::uint32_t count);

  const Core& kept_;
  std::map<std::uint32_t, std::string> names_;  // of queues that were made behind the damage
  std::map<JobId, std::uint32_t> put_;          // to its queue
  std::set<JobId> seen_, ended_;
  std::uint32_t epoch_ = 0;
  JobId next_job_ = 1;
  std::map<JobId, JobId> left_out_;  // from, to
  BatchId next_batch_ = 1;
};

}  // namespace joinery::broker::server
