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
                    "an interval not kept", "a rate not counted", "a hold forgotten", "a turn not kept",
                    "a join that leaves dead letters out", "a join that forgets what had ended",
                    "an outcome told as a success", "a repeated request that gets the answer of another",
                    "an answer that names the jobs in reverse", "a batch that nobody waits for",
                    "a time of a schedule that comes twice", "a schedule that overlaps",
                    "a time skipped for nothing", "a job that is not replaced",
                    "more made up for than the last time", "a scheduled job that waits for none before it",
                    "a history that outgrows its queue", "a history that is not purged",
                    "a history that does not age", "a history of other attempts",
                    "a history lost in a checkpoint"),
    [](const auto& one) {
      std::string name = one.param;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

// What is left of a failure when all that does not matter to it is left out.
TEST(Shrinking, LeavesTheFewStepsThatAFailureNeedsTheSameOnesEachTime) {
  planted = "a submission accepted twice";
  constexpr std::size_t most = 60, tries = 300;
  std::uint64_t seed = 1;
  while (simulate(seed, schedule(seed, most)).failure.empty()) ASSERT_LE(++seed, seeds_most);
  const std::vector<Step> all = schedule(seed, most);
  const std::vector<Step> few = shrink(seed, all, tries);
  const Verdict verdict = simulate(seed, few);
  fmt::print("{} of {} steps of seed {}: {}\n", few.size(), all.size(), seed, verdict.failure);
  EXPECT_LE(few.size(), 10U);
  EXPECT_FALSE(verdict.failure.empty());
  EXPECT_EQ(verdict.history, simulate(seed, few).history);
  EXPECT_EQ(few, shrink(seed, all, tries));
  for (std::size_t i = 0; i < few.size(); ++i) {
    std::vector<Step> fewer = few;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(simulate(seed, fewer).failure, "") << "it does not need step " << i << " of them";
  }
}

}  // namespace
}  // namespace simulation
}  // namespace joinery
