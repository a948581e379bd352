// Drives a Core as the broker's server does, with a journal in memory that can lose nothing: every change is
// kept whole, so that a crash is a new Core, a checkpoint and the changes since. It does not imitate syncing
// or lost tails.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/core.h"

namespace joinery::tests {

class CoreDriver {
 public:
  explicit CoreDriver(broker::CoreOptions options = {});

  // Decides, keeps the changes, says where the payloads are, ticks; all effects are in the answer.
  std::vector<broker::Effect> apply(const broker::Command& command);
  std::vector<broker::Effect> tick();
  // Moves both clocks and ticks.
  std::vector<broker::Effect> advance(Duration by);
  // Moves both clocks to the next deadline, if it is not later than `by` from now, and ticks.
  std::vector<broker::Effect> next_deadline(Duration by);

  // The id of a Spec; its definition is kept with the changes of the next apply.
  broker::SpecId intern(const Spec& spec) { return core->intern(spec, effects_); }
  void checkpoint();
  // The process dies and a new one recovers.
  std::vector<broker::Effect> crash();

  std::unique_ptr<broker::Core> core;
  Now now{Mono(Duration(1'000'000'000)), Wall(Duration(1'700'000'000'000'000))};
  std::vector<broker::Place> released;  // in all

 private:
  // A change with what it points to.
  struct Kept {
    broker::Change change;
    std::vector<std::uint32_t> sizes;
    std::unique_ptr<Columns> columns;
    std::vector<Wall> due;
    std::uint64_t position = 0;
  };
  void keep();

  broker::CoreOptions options_;
  broker::Effects effects_;
  std::string checkpoint_;
  std::deque<Kept> changes_;
  std::uint64_t end_ = 1000;  // of the payloads
};

}  // namespace joinery::tests
