// Valid inputs of every reader, spoiled at random from a seed that is printed; JOINERY_SEED=N runs the same
// again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>

#include "spoiler.h"
#include "targets.h"

namespace joinery::fuzz {
namespace {

class MutatedInputs : public ::testing::TestWithParam<Target> {};

TEST_P(MutatedInputs, harm_nobody) {
  const Target& target = GetParam();
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  fmt::print("JOINERY_SEED={}\n", seed);
  std::fflush(stdout);
  const std::vector<Buffer> inputs = target.corpus();
  for (const Buffer& input : inputs) target.feed(input);
  Spoiler spoiler(seed);
  for (int round = 0; round < target.rounds; ++round) {
    const Buffer input = spoiler.next(inputs);
    // In a piece of memory of just its size, so that a sanitizer sees a byte read beyond it.
    const std::unique_ptr<char[]> exact(new char[input.size()]);
    input.copy(exact.get(), input.size());
    target.feed({exact.get(), input.size()});
  }
}

INSTANTIATE_TEST_SUITE_P(Of, MutatedInputs, ::testing::ValuesIn(targets),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace joinery::fuzz
