// What producers and jobs saw, and whether it adds up: Jepsen's total-queue with one more column, for a queue
// that delivers at least once and counts each job once.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "shared/job/job.h"

namespace joinery::chaos {

class Ledger {
 public:
  // A producer is about to submit the value; it was accepted as this job. What never is accepted is in doubt.
  void attempted(std::uint64_t value);
  void accepted(std::uint64_t value, JobId job);

  // Reads what the jobs wrote: a line "VALUE JOB ATTEMPT" per run.
  void read_runs(const std::string& path);

  struct Account {
    std::uint64_t attempted = 0, accepted = 0, runs = 0;
    std::uint64_t lost = 0;        // accepted, and never ran
    std::uint64_t unexpected = 0;  // ran, and nobody submitted it
    std::uint64_t recovered = 0;   // ran, though its producer never learned that it was accepted
    std::uint64_t repeated = 0;    // runs beyond the first of a job: at least once, fenced
    std::uint64_t doubled = 0;     // values that ran as two jobs: a submission that was not recognised
  };
  Account account() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::uint64_t> attempted_;
  std::map<std::uint64_t, JobId> accepted_;
  std::map<std::uint64_t, std::map<JobId, std::multiset<std::uint32_t>>> runs_;
};

}  // namespace joinery::chaos
