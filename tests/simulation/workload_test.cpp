// The simulator can find nothing in what it never asks for: each verb, message, change and overlap has to
// come to pass in a few simulations. All but the last list are the product's own.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <typeinfo>
#include <utility>

#include "broker/server/verbs.h"
#include "tests/simulation/world.h"

namespace joinery::simulation {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t seeds_most = 60;
constexpr std::size_t steps = 300;

// What of the alternatives of a variant was not seen.
template <typename... Alternatives>
std::vector<std::string> missing_of(const std::variant<Alternatives...>*, const std::set<std::size_t>& seen) {
  const std::vector<std::string> names{typeid(Alternatives).name()...};
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!seen.contains(i)) missing.push_back(names[i]);
  }
  return missing;
}

std::vector<std::string> missing_in(const BrokerNode::Seen& seen) {
  static constexpr const protocol::Message* message = nullptr;
  static constexpr const broker::Change::variant* change = nullptr;
  std::vector<std::string> missing = missing_of(message, seen.messages);
  std::ranges::move(missing_of(change, seen.changes), std::back_inserter(missing));
  for (const std::string_view verb : broker::server::Verbs::names()) {
    if (!seen.verbs.contains(std::string(verb))) missing.emplace_back(verb);
  }
  for (const Overlap overlap : {Overlap::allow, Overlap::skip, Overlap::queue, Overlap::replace}) {
    if (!seen.overlaps.contains(overlap)) missing.push_back(fmt::format("overlap {}", word(overlap)));
  }
  return missing;
}

TEST(Workload, UsesEveryVerbAndMessageOfTheProtocolEveryChangeOfTheCoreAndEveryOverlap) {
  spdlog::set_level(spdlog::level::off);
  BrokerNode::Seen all;
  std::uint64_t seed = 0;
  while (!missing_in(all).empty() && ++seed <= seeds_most) {
    World world(seed);
    world.run(schedule(seed, steps));
    BrokerNode::Seen seen = world.seen();
    all.verbs.merge(seen.verbs);
    all.messages.merge(seen.messages);
    all.changes.merge(seen.changes);
    all.overlaps.merge(seen.overlaps);
  }
  fmt::print("{} seeds\n", std::min(seed, seeds_most));
  EXPECT_THAT(missing_in(all), IsEmpty()) << "in " << seeds_most << " simulations";
}

}  // namespace
}  // namespace joinery::simulation
