#include "worker/supervisor/memory_kills.h"

#include <gtest/gtest.h>

namespace joinery::worker {
namespace {

constexpr Mono begin{std::chrono::hours(1)};

TEST(MemoryKills, OfALittleWhileAgoExplainOneDeathEach) {
  MemoryKills kills(7);
  EXPECT_FALSE(kills.explains_one(7));
  EXPECT_TRUE(kills.explains_one(8));
  EXPECT_FALSE(kills.explains_one(8));
}

TEST(MemoryKills, AreRememberedForAWhileAndNotForEver) {
  MemoryKills kills(7);
  kills.note(begin, 7);
  EXPECT_FALSE(kills.due(begin + MemoryKills::lately - Duration{1}));
  EXPECT_TRUE(kills.due(begin + MemoryKills::lately));
  MemoryKills soon = kills;
  soon.note(begin + MemoryKills::lately, 8);  // of somebody else, or of one whose end takes long
  MemoryKills later = soon;
  EXPECT_TRUE(soon.explains_one(8));
  later.note(begin + 2 * MemoryKills::lately, 8);
  EXPECT_FALSE(later.explains_one(8));
}

}  // namespace
}  // namespace joinery::worker
