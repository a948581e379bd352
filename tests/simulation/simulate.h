// Simulations in processes of their own, so that one that ends in a failed check is a failure like any other;
// and the search for a short history that fails too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/schedule.h"

namespace joinery::simulation {

struct Verdict {
  std::string failure;  // empty: none
  std::string history;  // a line for each step
};

// Runs these steps with that seed. Everything that is printed belongs to the failure.
Verdict simulate(std::uint64_t seed, const std::vector<Step>& steps);

// Fewer steps that fail with that seed, found in at most `tries` further simulations. REQUIRES: `steps` fail.
std::vector<Step> shrink(std::uint64_t seed, std::vector<Step> steps, std::size_t tries);

}  // namespace joinery::simulation
