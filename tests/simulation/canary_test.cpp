// Proof that the simulator notices: with each of these bugs planted (canaries.cmake), one of few seeds fails.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/simulation/simulate.h"

namespace joinery {

static std::string planted;
bool canary(const char* name);
bool canary(const char* name) { return planted == name; }

namespace simulation {
namespace {

constexpr std::uint64_t seeds_most = 150;
constexpr std::size_t steps = 200;

class Canary : public testing::TestWithParam<const char*> {};

TEST_P(Canary, IsNoticed) {
  planted = GetParam();
  for (std::uint64_t seed = 1; seed <= seeds_most; ++seed) {
    const Verdict verdict = simulate(seed, schedule(seed, steps));
    if (verdict.failure.empty()) continue;
    fmt::print("seed {}: {}\n", seed, verdict.failure);
    return;
  }
  FAIL() << "nobody noticed " << planted << " in " << seeds_most << " simulations";
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, Canary,
    testing::Values("an fsync left out", "an fsync of the directory left out", "a checkpoint not synced",
                    "an answer before its fsync", "a start before its put", "a fence not checked",
                    "a lease that never ends", "children dropped on a crash",
                    "a cancelled batch forgotten on a restart", "a join that counts too early",
                    "a join before its fsync", "a key limit off by one", "a submission accepted twice",
                    "a retry at the wrong end", "a counter that drifts", "a checkpoint without its answers",
                    "an interval not kept", "a rate not counted", "a hold forgotten", "a turn not kept"),
    [](const auto& one) {
      std::string name = one.param;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

}  // namespace
}  // namespace simulation
}  // namespace joinery
