// Durations and sizes, read and shown.
#include <gtest/gtest.h>

#include "shared/config/config.h"

namespace joinery::config {
namespace {

using std::chrono::milliseconds;

TEST(Duration, IsReadWithItsUnit) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
}

TEST(Duration, WithoutUnitOrWithAnUnknownOneIsAMistakeThatSaysWhatWasExpected) {
  for (const char* text :
       {"", "10", "5 s", "-1s", "1y", "s", "1e3s", "nan", "inf", "99999999999999999999d"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_config);
    EXPECT_NE(parsed.error().message.find("1.5s"), std::string::npos);
  }
}

TEST(Duration, IsShownAsItWouldBeWritten) {
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
  EXPECT_EQ(format_duration(milliseconds(250)), "250ms");
  EXPECT_EQ(format_duration(milliseconds(1500)), "1.5s");
  EXPECT_EQ(format_duration(milliseconds(5'400'000)), "1h30m");
  EXPECT_EQ(format_duration(milliseconds(604'800'000)), "7d");
  for (const std::int64_t count : {1L, 999L, 1000L, 61'001L, 3'600'000L, 86'400'001L, 123'456'789L})
    EXPECT_EQ(parse_duration(format_duration(milliseconds(count))), milliseconds(count)) << count;
}

TEST(Size, IsReadInPowersOfTwoAndOfTen) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("16 MiB"), 16U << 20U);
  EXPECT_EQ(parse_size("1GB"), 1'000'000'000U);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
}

TEST(Size, ThatIsNoneSaysWhatWasExpected) {
  for (const char* text : {"", "MiB", "-1", "1X", "1KiB2", "1e9", "9999999TiB"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("64KiB"), std::string::npos);
  }
}

TEST(Size, IsShownInTheGreatestUnitThatFitsExactly) {
  EXPECT_EQ(format_size(65'536), "64KiB");
  EXPECT_EQ(format_size(1'000'000'000), "1GB");
  EXPECT_EQ(format_size(1001), "1001");
}

TEST(Nearest, IsTheWordThatWasMeantOrNothing) {
  EXPECT_EQ(nearest("endpiont", {"data_dir", "endpoint"}), "endpoint");
  EXPECT_EQ(nearest("zzz", {"data_dir", "endpoint"}), std::nullopt);
}

}  // namespace
}  // namespace joinery::config
