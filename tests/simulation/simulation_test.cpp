// Some simulations of the whole, always the same ones. JOINERY_SEED=n runs another; many more, and shorter
// histories of those that fail: scripts/simulate.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
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

// Each found something once: a delay of a parked job that went by the wall clock (883), a connection that was
// cut before its worker knew of it (900), a unique key after a retry (200869), the turn of ordered jobs that
// ran before (72, 76), a job that overtook one of its key with a better priority (1260).
TEST(SimulationSeeds, OnceFailedAndPassNow) {
  for (const std::uint64_t seed : {883U, 900U, 200'869U, 72U, 76U, 1260U, 1328U})
    ASSERT_EQ(simulate(seed, schedule(seed, steps)).failure, "") << "scripts/simulate --replay " << seed;
}

TEST(SimulationReplay, HappensTheSameWayAgain) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Verdict first = simulate(seed, schedule(seed, steps));
    EXPECT_GT(first.history.size(), 1000U);
    EXPECT_EQ(first.history, simulate(seed, schedule(seed, steps)).history);
  }
}

// Seeds that nobody ran did not pass.
TEST(Simulate, FailsWhenOneOfItsProcessesIsKilled) {
  const std::string script = SIMULATE R"( --seeds 40 --steps 50 --jobs 2 2>/dev/null & p=$!
    until first=$(cut -d ' ' -f 1 /proc/$p/task/$p/children) && [ -n "$first" ]; do :; done
    kill -9 $first; wait $p)";
  std::FILE* shell = ::popen(script.c_str(), "r");
  ASSERT_NE(shell, nullptr);
  std::string said;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), shell)) > 0;)
    said.append(buffer.data(), got);
  const int status = ::pclose(shell);
  EXPECT_EQ(WEXITSTATUS(status), 1) << said;
  EXPECT_THAT(said, testing::ContainsRegex("only [0-9]+ of 40 seeds were simulated"));
  EXPECT_THAT(said, testing::HasSubstr("was ended by signal 9"));
}

}  // namespace
}  // namespace joinery::simulation
