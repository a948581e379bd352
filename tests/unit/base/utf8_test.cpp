#include "shared/base/utf8.h"

#include <gtest/gtest.h>

namespace joinery {
namespace {

TEST(Utf8, WellFormedTextIsText) {
  for (std::string_view text :
       {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "gr\xc3\xbc\xc3\x9f"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, OverlongSurrogateCutAndTooLargeFormsAreNot) {
  for (std::string_view bytes :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(bytes));
  }
}

TEST(Utf8, ReadableTextIsBoundedAndAlwaysText) {
  EXPECT_EQ(readable("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(readable("caf\xe9!"), "caf?!");
  std::string umlauts = "x";
  while (umlauts.size() < 5000) umlauts += "\u00fc";
  EXPECT_EQ(readable(umlauts), umlauts.substr(0, 4095));
  EXPECT_EQ(readable(umlauts, 4), umlauts.substr(0, 3));
}

}  // namespace
}  // namespace joinery
