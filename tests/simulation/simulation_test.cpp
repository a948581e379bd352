// Some simulations of the whole, other ones each time. JOINERY_SEED=n begins with that seed; more of them,
// and shorter histories of those that fail: scripts/simulate.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/simulation/simulate.h"

namespace joinery::simulation {
namespace {

constexpr std::uint64_t seeds = 20;
constexpr std::size_t steps = 300;

class Simulation : public testing::TestWithParam<int> {};

TEST_P(Simulation, KeepsAllPromisesWhateverHappens) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + (given != nullptr ? 1 : seeds); ++seed) {
    const Verdict verdict = simulate(seed, schedule(seed, steps));
    ASSERT_EQ(verdict.failure, "") << fmt::format("scripts/simulate --replay {} --steps {}", seed, steps);
  }
}

INSTANTIATE_TEST_SUITE_P(Part, Simulation, testing::Range(1, 5));

TEST(SimulationReplay, HappensTheSameWayAgain) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Verdict first = simulate(seed, schedule(seed, steps));
    EXPECT_GT(first.history.size(), 1000U);
    EXPECT_EQ(first.history, simulate(seed, schedule(seed, steps)).history);
  }
}

}  // namespace
}  // namespace joinery::simulation
