#include "tests/simulation/watched_journal.h"

namespace joinery::simulation {

using namespace broker;

Appended WatchedJournal::append(std::span<const Change> changes,
                                std::span<const std::span<const Bytes>> payloads) {
  Decided decided;
  std::vector<std::size_t> taken(payloads.size());
  for (const Change& change : changes) {
    Decided::Kept& kept = decided.changes.emplace_back();
    kept.change = change;
    const auto* put = std::get_if<change::Put>(&change);
    if (put == nullptr) continue;
    kept.sizes.assign(put->sizes.begin(), put->sizes.end());
    kept.due.assign(put->due.begin(), put->due.end());
    if (put->columns != nullptr) kept.columns = *put->columns;
    for (std::uint32_t i = 0; i < put->count; ++i)
      kept.payloads.emplace_back(payloads[put->group][taken[put->group]++]);
  }
  const Appended appended = real_->append(changes, payloads);
  decided.end = appended.end;
  tell_(std::move(decided));
  return appended;
}

}  // namespace joinery::simulation
