// What happens in a simulation besides what the nodes do by themselves: a list of steps, made from a seed.
// Each has a seed of its own, so that the others mean the same when one is left out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/simulation/clock.h"

namespace joinery::simulation {

enum class StepKind : std::uint8_t {
  submit,
  submit_under,
  request,
  join,
  watch,
  give_up,
  repeat,
  kill_broker,
  power_failure,
  restart_broker,
  break_disk,
  flip_bit,
  kill_worker,
  drain_worker,
  kill_process,
  kill_client,
  cut,
  pause,
  jump_clock,
  slow_network,
  rest,
};
std::string_view word(StepKind kind);

struct Step {
  StepKind kind = StepKind::rest;
  std::uint64_t seed = 0;
  Duration before{};  // time that passes before it
  bool operator==(const Step&) const = default;
};

std::vector<Step> schedule(std::uint64_t seed, std::size_t steps);

}  // namespace joinery::simulation
