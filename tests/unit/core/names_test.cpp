// The names of keys and handlers, against a map; and the places of the queues that have something ready.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/core/interner.h"
#include "broker/core/serving.h"

namespace joinery::tests {
namespace {

using broker::Interner;
using broker::Places;

TEST(Interner, AgreesWithAMapThroughManyRandomChanges) {
  struct Known {
    std::uint32_t number = 0;
    std::uint32_t uses = 0;
  };
  std::mt19937_64 random(12);
  Interner names;
  std::map<std::string, Known> model;
  for (int step = 0; step < 200'000; ++step) {
    // Of every length, and often ones that were there before.
    const std::uint64_t number = random() % 3000;
    std::string name = std::to_string(number);
    name.append(number * 7 % (Interner::name_max - 8), 'x');
    Known& known = model[name];
    if (random() % 2 == 0) {
      const std::uint32_t added = names.add(name);
      if (known.uses++ == 0) known.number = added;
      ASSERT_EQ(added, known.number);
      ASSERT_NE(added, 0U);
    } else if (known.uses != 0) {
      names.remove(known.number);
      --known.uses;
    }
    ASSERT_EQ(names.find(name), known.uses == 0 ? 0 : known.number) << name;
    if (known.uses == 0) continue;
    ASSERT_EQ(names.name(known.number), name);
  }
  for (const auto& [name, known] : model) {
    if (known.uses == 0) continue;
    EXPECT_EQ(names.name(known.number), name);
  }
}

TEST(Interner, GivesTheMemoryOfNamesThatNobodyUsesToOthers) {
  Interner names;
  const auto come_and_go = [&](int round) {
    std::vector<std::uint32_t> numbers;
    for (int i = 0; i < 10'000; ++i)
      numbers.push_back(names.add(std::to_string(round * 10'000 + i + 1'000'000)));
    for (const std::uint32_t number : numbers) names.remove(number);
  };
  come_and_go(0);
  const std::size_t once = names.memory_bytes();
  for (int round = 1; round < 20; ++round) come_and_go(round);
  EXPECT_LE(names.memory_bytes(), once + once / 2);
}

TEST(Places, AreGoneThroughInOrder) {
  std::mt19937_64 random(13);
  Places places;
  places.reset(100'000);
  std::set<std::uint32_t> model;
  EXPECT_EQ(places.next(0), Places::none);
  for (int step = 0; step < 20'000; ++step) {
    const auto place = static_cast<std::uint32_t>(random() % (step % 2 == 0 ? 100'000 : 300));
    if (random() % 2 == 0) {
      places.set(place);
      model.insert(place);
    } else {
      places.clear(place);
      model.erase(place);
    }
    const auto from = static_cast<std::uint32_t>(random() % 100'001);
    const auto next = model.lower_bound(from);
    ASSERT_EQ(places.next(from), next == model.end() ? Places::none : *next);
  }
}

}  // namespace
}  // namespace joinery::tests
