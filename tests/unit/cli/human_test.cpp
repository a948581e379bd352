#include "producer/cli/human.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace joinery::cli {
namespace {

TEST(Human, NumbersHaveCommas) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1000), "1,000");
  EXPECT_EQ(count(1234567), "1,234,567");
}

TEST(Human, SizesHaveTheUnitThatFits) {
  EXPECT_EQ(size(1023), "1023 B");
  EXPECT_EQ(size(1536), "1.5 KiB");
  EXPECT_EQ(size(3ULL << 30U), "3.0 GiB");
}

TEST(Human, TimesHaveTwoUnitsAtMost) {
  EXPECT_EQ(span(850), "850ms");
  EXPECT_EQ(span(4200), "4.2s");
  EXPECT_EQ(span(200'000), "3m 20s");
  EXPECT_EQ(span(5 * 3'600'000 + 600'000), "5h 10m");
  EXPECT_EQ(span(12 * 86'400'000LL), "12d 0h");
  const Wall now(std::chrono::seconds(1000));
  EXPECT_EQ(ago(995'000, now), "5.0s ago");
  EXPECT_EQ(ago(1'005'000, now), "in 5.0s");
}

TEST(Human, TextFromElsewhereCannotSteerTheTerminal) {
  EXPECT_EQ(harmless("a\033[31mb\nc\x7F"), "a?[31mb c?");
  EXPECT_EQ(harmless("K\u00f6ln"), "K\u00f6ln");
}

TEST(Human, TextIsCutBetweenCharacters) {
  EXPECT_EQ(cut("abcdefgh", 6), "abc...");
  EXPECT_EQ(cut("\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc", 5), "\u00e4\u00f6...");
  EXPECT_EQ(cut("abc", 3), "abc");
}

TEST(Human, DurationsAreReadUpToAHundredYears) {
  EXPECT_EQ(parse_span("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(parse_span("36500d"), std::chrono::days(36'500));
  const auto longer = parse_span("36501d");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, "\"36501d\" is longer than a hundred years");
  EXPECT_FALSE(parse_span("soon"));
}

TEST(Human, PointsInTimeAreReadWithTheirZone) {
  const Wall eight(std::chrono::seconds(1795248000));  // 2026-11-21T08:00:00Z
  EXPECT_EQ(parse_time("2026-11-21T08:00Z"), eight);
  EXPECT_EQ(parse_time("2026-11-21 09:00:00+01:00"), eight);
  EXPECT_EQ(parse_time("2026-11-21T03:30:00-0430"), eight);
  EXPECT_EQ(parse_time("1795248000"), eight);
  for (const char* text : {"", "tomorrow", "2026-11-21T08:00X", "25:00"})
    EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace joinery::cli
