#include "tests/simulation/core_driver.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/base/check.h"

namespace joinery::tests {

using namespace broker;

CoreDriver::CoreDriver(CoreOptions options)
    : core(std::make_unique<Core>(options)), options_(std::move(options)) {
  core->start(now, effects_);
  keep();
  effects_.clear();
}

std::vector<Effect> CoreDriver::apply(const Command& command) {
  core->apply(now, command, effects_);
  keep();
  return tick();
}

std::vector<Effect> CoreDriver::tick() {
  do {
    core->tick(now, effects_);
    keep();
  } while (core->next_deadline().mono <= now.mono);
  std::vector<Effect> all = std::exchange(effects_.effects, {});
  effects_.clear();
  return all;
}

std::vector<Effect> CoreDriver::advance(Duration by) {
  now.mono += by;
  now.wall += by;
  return tick();
}

std::vector<Effect> CoreDriver::next_deadline(Duration by) {
  const Deadline deadline = core->next_deadline();
  if (deadline.mono != never_mono) by = std::min(by, deadline.mono - now.mono);
  if (deadline.wall != never_wall) by = std::min(by, deadline.wall - now.wall);
  return advance(std::max(by, Duration{0}));
}

void CoreDriver::keep() {
  for (Change& change : effects_.changes) {
    Kept& kept = changes_.emplace_back();
    kept.position = end_;
    if (auto* put = std::get_if<change::Put>(&change)) {
      kept.sizes.assign(put->sizes.begin(), put->sizes.end());
      kept.due.assign(put->due.begin(), put->due.end());
      if (put->columns != nullptr) kept.columns = std::make_unique<Columns>(*put->columns);
      core->placed(put->first, put->count, end_);
      for (std::uint32_t size : kept.sizes) end_ += size;
    }
    kept.change = std::move(change);
    if (auto* put = std::get_if<change::Put>(&kept.change)) {
      put->sizes = kept.sizes;
      put->due = kept.due;
      put->columns = kept.columns.get();
    }
  }
  effects_.changes.clear();
  std::ranges::copy(effects_.released, std::back_inserter(released));
  effects_.released.clear();
}

void CoreDriver::checkpoint() {
  checkpoint_.clear();
  core->save([this](Bytes piece) { checkpoint_.append(piece); });
  changes_.clear();
}

std::vector<Effect> CoreDriver::crash() {
  core = std::make_unique<Core>(options_);
  effects_.clear();
  if (!checkpoint_.empty()) {
    const auto loaded = core->load(checkpoint_);
    JOINERY_CHECK(loaded.has_value());
  }
  for (const Kept& kept : changes_) {
    const auto replayed = core->replay(kept.change, kept.position);
    JOINERY_CHECK(replayed.has_value());
  }
  core->start(now, effects_);
  keep();
  return tick();
}

}  // namespace joinery::tests
