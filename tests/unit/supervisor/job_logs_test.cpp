// Lines of handlers for those who follow a job.
#include "worker/supervisor/job_logs.h"

#include <gmock/gmock.h>

namespace joinery::worker {
namespace {

const Token one{1, 1, 1};
const Token two{2, 1, 1};

std::vector<std::string> take(JobLogs& logs) {
  std::vector<std::string> out;
  for (; logs.pending(); logs.sent()) {
    for (const auto& line : logs.next().lines)
      out.push_back(std::to_string(logs.next().token.job) + " " + line.text);
  }
  return out;
}

TEST(JobLogs, NothingIsSentUnlessSomebodyFollows) {
  JobLogs logs;
  logs.add(one, {0, "info", "a"});
  EXPECT_FALSE(logs.pending());
}

TEST(JobLogs, AFollowerGetsWhatWasSaidJustBeforeAndWhatComes) {
  JobLogs logs;
  logs.add(one, {0, "info", "a"});
  logs.add(two, {0, "info", "x"});
  logs.follow({{one}, true});
  logs.add(one, {0, "info", "b"});
  logs.add(two, {0, "info", "y"});
  EXPECT_THAT(take(logs), testing::ElementsAre("1 a", "1 b"));
  logs.follow({{one}, true});
  EXPECT_FALSE(logs.pending()) << "once";
}

TEST(JobLogs, NoMoreIsSentOfAJobThatNobodyFollowsAnyMore) {
  JobLogs logs;
  logs.follow({{one}, true});
  logs.add(one, {0, "info", "a"});
  logs.follow({{one}, false});
  logs.add(one, {0, "info", "b"});
  EXPECT_FALSE(logs.pending());
}

TEST(JobLogs, LinesThatCannotBeSentAreCountedBeyondABound) {
  JobLogs logs;
  logs.follow({{one}, true});
  for (std::size_t i = 0; i < JobLogs::pending_lines + 5; ++i) logs.add(one, {0, "info", "a"});
  EXPECT_EQ(logs.next().lines.size(), JobLogs::pending_lines);
  EXPECT_EQ(logs.next().dropped, 5U);
}

TEST(JobLogs, KeepsOnlyTheLastLinesForFollowersThatCome) {
  JobLogs logs;
  for (std::size_t i = 0; i < JobLogs::kept_lines + 1; ++i) logs.add(one, {0, "info", std::to_string(i)});
  logs.follow({{one}, true});
  EXPECT_EQ(take(logs).front(), "1 1");
  for (int i = 0; i < 100; ++i) logs.add(two, {0, "info", std::string(4096, 'x')});
  logs.follow({{two}, true});
  EXPECT_LT(take(logs).size(), 40U);
}

}  // namespace
}  // namespace joinery::worker
