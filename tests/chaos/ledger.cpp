#include "tests/chaos/ledger.h"

#include <fstream>

namespace joinery::chaos {

void Ledger::attempted(std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  attempted_.insert(value);
}

void Ledger::accepted(std::uint64_t value, JobId job) {
  const std::lock_guard lock(mutex_);
  accepted_[value] = job;
}

void Ledger::read_runs(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  JobId job = 0;
  std::uint32_t attempt = 0;
  while (file >> value >> job >> attempt) runs_[value][job].insert(attempt);
}

Ledger::Account Ledger::account() const {
  const std::lock_guard lock(mutex_);
  Account sum;
  sum.attempted = attempted_.size();
  sum.accepted = accepted_.size();
  for (const auto& [value, job] : accepted_) {
    const auto ran = runs_.find(value);
    sum.lost += ran == runs_.end() || !ran->second.contains(job) ? 1 : 0;
  }
  for (const auto& [value, jobs] : runs_) {
    if (!attempted_.contains(value)) ++sum.unexpected;
    if (attempted_.contains(value) && !accepted_.contains(value)) ++sum.recovered;
    if (jobs.size() > 1) ++sum.doubled;
    for (const auto& [job, attempts] : jobs) {
      sum.runs += attempts.size();
      sum.repeated += attempts.size() - 1;
    }
  }
  return sum;
}

}  // namespace joinery::chaos
