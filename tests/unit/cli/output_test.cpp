#include "producer/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/cli/outcome.h"
#include "producer/cli/progress.h"

namespace joinery::cli {
namespace {

using testing::HasSubstr;

TEST(Table, IsAlignedWithNumbersToTheRight) {
  const Table table{{"QUEUE", ">JOBS", "NOTE"}, {{"mail", "5", "x"}, {"w\u00e4sche", "1,000", ""}}};
  EXPECT_EQ(render(table, 0),
            "QUEUE    JOBS  NOTE\n"
            "mail        5  x\n"
            "w\u00e4sche  1,000\n");
}

TEST(Table, IsCutToTheTerminal) { EXPECT_EQ(render({{"A"}, {{"abcdefghij"}}}, 8), "A\nabcde...\n"); }

TEST(Json, HasBytesAsTextIfTheyAreTextElseAsBase64) {
  const std::string text = "hi";
  EXPECT_EQ(to_line(Json{{"a", Json::binary({text.begin(), text.end()})}}), R"({"a":"hi"})");
  EXPECT_EQ(to_line(Json::binary({0xFF, 0x00, 0x01, 0x02})), R"({"base64":"/wABAg=="})");
}

TEST(Base64, IsPadded) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
}

TEST(Reply, ThatLacksAMemberOrHasItOfAnotherTypeIsReadAsIfItWereEmpty) {
  const Json reply{{"a", 1}, {"b", "x"}, {"c", true}};
  EXPECT_EQ(number(reply, "a"), 1U);
  EXPECT_EQ(number(reply, "b", 7), 7U);
  EXPECT_EQ(text(reply, "b"), "x");
  EXPECT_EQ(text(reply, "z", "-"), "-");
  EXPECT_TRUE(truth(reply, "c"));
  EXPECT_TRUE(member(Json(), "a").is_null());
}

TEST(Error, AsJsonNamesCodeAndField) {
  EXPECT_EQ(
      to_line(error_json({Code::queue_full, "no room", "queue"})),
      R"({"error":{"code":"queue_full","number":300,"message":"no room","retry":true,"field":"queue"}})");
}

TEST(Progress, ShowsHowFarHowFastAndHowLong) {
  Progress progress{1000, true, {}};
  progress.counts.succeeded = 490;
  progress.counts.failed = 10;
  const std::string line = draw(progress, 0, std::chrono::seconds(5), 100);
  EXPECT_THAT(line, HasSubstr("[###############...............] 500 of 1,000, 10 failed  100/s  5.0s left"));
  EXPECT_LE(draw(progress, 0, std::chrono::seconds(5), 40).size(), 40U);
}

TEST(Progress, PromisesNothingWhileItemsAreStillRead) {
  Progress progress{1000, false, {}};
  progress.counts.succeeded = 500;
  const std::string line = draw(progress, 0, std::chrono::seconds(5), 100);
  EXPECT_THAT(line, HasSubstr("500 of 1,000+"));
  EXPECT_THAT(line, testing::Not(HasSubstr("left")));
}

TEST(Counts, AreSuccessOnlyIfEveryJobSucceeded) {
  Counts counts;
  counts.succeeded = 998;
  EXPECT_EQ(exit_code(counts), ExitCode::success);
  counts.failed = 2;
  EXPECT_EQ(exit_code(counts), ExitCode::jobs_failed);
  EXPECT_EQ(summary(counts), "998 succeeded, 2 failed");
  EXPECT_EQ(counts_of(counts_json(counts)), counts);
}

}  // namespace
}  // namespace joinery::cli
