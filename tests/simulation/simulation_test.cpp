// Some simulations of the whole, always the same ones. JOINERY_SEED=n runs another; many more, and shorter
// histories of those that fail: scripts/simulate.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/simulation/simulate.h"

namespace joinery::simulation {
namespace {

constexpr std::uint64_t seeds = 20;
constexpr std::size_t steps = 300;

class Simulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, KeepsAllPromisesWhateverHappens) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1 + seeds * GetParam();
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : seeds); ++seed) {
    const Verdict verdict = simulate(seed, schedule(seed, steps));
    ASSERT_EQ(verdict.failure, "") << fmt::format("scripts/simulate --replay {} --steps {}", seed, steps);
  }
}

INSTANTIATE_TEST_SUITE_P(Part, Simulation, testing::Range(std::uint64_t{0}, std::uint64_t{4}));

TEST(SimulationReplay, HappensTheSameWayAgain) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Verdict first = simulate(seed, schedule(seed, steps));
    EXPECT_GT(first.history.size(), 1000U);
    EXPECT_EQ(first.history, simulate(seed, schedule(seed, steps)).history);
  }
}

}  // namespace
}  // namespace joinery::simulation
