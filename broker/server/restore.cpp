#include "broker/server/restore.h"

#include <vector>

namespace joinery::broker::server {

SessionId Restore::id() const {
  const auto half = [this](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + 8; ++i)
      value = value << 8U | static_cast<unsigned char>(opened_.id[i]);
    return value;
  };
  return {half(0), half(8)};
}

std::uint64_t retain_all(const Core& core, Journal& journal) {
  constexpr std::size_t at_a_time = 4096;
  std::uint64_t jobs = 0;
  JobId after = 0;
  while (true) {
    const std::vector<JobView> some = core.jobs({}, std::nullopt, after, at_a_time);
    for (const JobView& job : some) journal.retain(job.place);
    jobs += some.size();
    if (some.size() < at_a_time) return jobs;
    after = some.back().id;
  }
}

}  // namespace joinery::broker::server
