// The soak must see what grows.
#include "tests/soak/usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/process_usage.h"
#include "tests/support/temp_dir.h"

namespace joinery::soak {
namespace {

using std::chrono::seconds;

Series after_an_hour(std::uint64_t begin, std::uint64_t growth_per_hour) {
  Series series("memory", 1000, 1);
  for (int second = 0; second < 3600; second += 10)
    series.add(seconds(second), begin + growth_per_hour * static_cast<std::uint64_t>(second) / 3600);
  return series;
}

TEST(SoakUsage, WhatStaysIsBoundedAndWhatGrowsIsNot) {
  EXPECT_TRUE(after_an_hour(50'000, 0).is_bounded());
  EXPECT_TRUE(after_an_hour(50'000, 8'000).is_bounded()) << "within a tenth and the slack";
  EXPECT_FALSE(after_an_hour(50'000, 20'000).is_bounded());
  EXPECT_NEAR(after_an_hour(50'000, 20'000).growth_per_hour(), 20'000, 100);
  EXPECT_FALSE(Series("nothing", 0, 1).is_bounded()) << "nobody looked";
}

TEST(SoakUsage, WhatGrowsOnlyAtTheBeginIsBounded) {
  Series series("memory", 0, 1);
  for (int second = 0; second < 3600; second += 10)
    series.add(seconds(second),
               std::min<std::uint64_t>(1000 + 10 * static_cast<std::uint64_t>(second), 9000));
  EXPECT_TRUE(series.is_bounded());
}

TEST(SoakUsage, AMomentIsNoGrowth) {
  Series series("memory", 0, 1);
  for (int second = 0; second < 3600; second += 10)
    series.add(seconds(second), second == 3000 ? 25'000 : 9'000);
  EXPECT_TRUE(series.is_bounded());
  EXPECT_NE(series.row(6).find(" 25000"), std::string::npos) << "it is shown: " << series.row(6);
}

TEST(SoakUsage, AProcessAndADirectoryAreMeasured) {
  EXPECT_GT(testing::memory_kb_of(::getpid()), 0U);
  EXPECT_GT(testing::descriptors_of(::getpid()), 2U);
  EXPECT_GE(testing::threads_of(::getpid()), 1U);
  const testing::TempDir dir;
  std::FILE* file = std::fopen((dir / "file").c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("12345", file);
  std::fclose(file);
  EXPECT_EQ(testing::bytes_below(dir.path()), 5U);
}

}  // namespace
}  // namespace joinery::soak
