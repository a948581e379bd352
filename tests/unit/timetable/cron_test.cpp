// The five fields, and what is said of mistakes in them.
#include "broker/timetable/cron.h"

#include <gmock/gmock.h>

namespace joinery::broker {
namespace {

using namespace std::chrono;
using ::testing::HasSubstr;

std::string mistake(std::string_view text) {
  const auto cron = parse_cron(text);
  return cron ? "none" : cron.error().message;
}

LocalSeconds at(int y, unsigned m, unsigned d, int hour = 0, int minute = 0) {
  return local_days(year(y) / m / d) + hours(hour) + minutes(minute);
}
LocalSeconds first(std::string_view text, LocalSeconds from) {
  return parse_cron(text).value().first(from).value();
}

TEST(Cron, TakesListsRangesStepsAndNames) {
  EXPECT_EQ(first("5,10-12 * * * *", at(2026, 1, 1, 0, 6)), at(2026, 1, 1, 0, 10));
  EXPECT_EQ(first("*/20 * * * *", at(2026, 1, 1, 0, 21)), at(2026, 1, 1, 0, 40));
  EXPECT_EQ(first("10/20 * * * *", at(2026, 1, 1, 0, 31)), at(2026, 1, 1, 0, 50)) << "from 10 to the end";
  EXPECT_EQ(first("0 9-17/4 * * *", at(2026, 1, 1, 10)), at(2026, 1, 1, 13));
  EXPECT_EQ(first("0 3 * mar *", at(2026, 1, 1)), at(2026, 3, 1, 3));
  EXPECT_EQ(first("0 3 * * Mon-FRI", at(2026, 1, 3)), at(2026, 1, 5, 3)) << "from a Saturday";
  EXPECT_EQ(first("  0\t3 * * 7 ", at(2026, 1, 1)), at(2026, 1, 4, 3)) << "7 is Sunday too";
  EXPECT_EQ(first("0 3 * * SAT-SUN", at(2026, 1, 4)), at(2026, 1, 4, 3)) << "a Sunday";
  EXPECT_EQ(first("0 3 * * SAT-SUN", at(2026, 1, 5)), at(2026, 1, 10, 3)) << "and then a Saturday";
  EXPECT_EQ(first("0 3 * * FRI-MON", at(2026, 1, 5, 4)), at(2026, 1, 9, 3))
      << "a week goes on behind its end";
  EXPECT_EQ(first("0 3 * * FRI-MON/2", at(2026, 1, 2, 4)), at(2026, 1, 4, 3)) << "Friday, Sunday";
  EXPECT_EQ(first("0 3 * * 6-0", at(2026, 1, 5)), at(2026, 1, 10, 3));
  EXPECT_EQ(first("59 23 31 12 *", at(2026, 12, 31, 23, 59)), at(2026, 12, 31, 23, 59));
}

TEST(Cron, OfADayAndAWeekdayMeansEither) {
  EXPECT_EQ(first("0 0 13 * FRI", at(2026, 1, 1)), at(2026, 1, 2)) << "a Friday";
  EXPECT_EQ(first("0 0 13 * FRI", at(2026, 1, 10)), at(2026, 1, 13)) << "a 13th";
  EXPECT_EQ(first("0 0 */2 * MON", at(2026, 1, 6)), at(2026, 1, 19))
      << "a star with a step still asks for both";
}

TEST(Cron, HasShorthands) {
  EXPECT_EQ(first("@hourly", at(2026, 1, 1, 0, 1)), at(2026, 1, 1, 1));
  EXPECT_EQ(first("@daily", at(2026, 1, 1, 0, 1)), at(2026, 1, 2));
  EXPECT_EQ(first("@weekly", at(2026, 1, 1)), at(2026, 1, 4));
  EXPECT_EQ(first("@monthly", at(2026, 1, 2)), at(2026, 2, 1));
  EXPECT_EQ(first("@yearly", at(2026, 1, 2)), at(2027, 1, 1));
}

TEST(Cron, WaitsForALeapYear) { EXPECT_EQ(first("0 0 29 2 *", at(2097, 1, 1)), at(2104, 2, 29)); }

TEST(Cron, OfAMistakeTellsFieldAndPlace) {
  EXPECT_EQ(mistake("0 3 * * FOO"),
            "field \"day of week\": expected 0-7 or SUN-SAT, got \"FOO\" at column 9");
  EXPECT_EQ(mistake("60 * * * *"), "field \"minute\": expected 0-59, got \"60\" at column 1");
  EXPECT_EQ(mistake("1,2,x * * * *"), "field \"minute\": expected 0-59, got \"x\" at column 5");
  EXPECT_EQ(mistake("* 5-24 * * *"), "field \"hour\": expected 0-23, got \"24\" at column 5");
  EXPECT_EQ(mistake("* 9-5 * * *"), "field \"hour\": expected a range that rises, got \"9-5\" at column 3");
  EXPECT_EQ(mistake("*/0 * * * *"), "field \"minute\": expected a step of 1-59, got \"0\" at column 3");
  EXPECT_EQ(mistake("* * 0 * *"), "field \"day of month\": expected 1-31, got \"0\" at column 5");
  EXPECT_EQ(mistake("* * * 13 *"), "field \"month\": expected 1-12 or JAN-DEC, got \"13\" at column 7");
  EXPECT_EQ(mistake("1, * * * *"), "field \"minute\": expected 0-59, got \"\" at column 3");
  EXPECT_EQ(mistake("* * * * * *"),
            "expected nothing behind the field \"day of week\", got \"*\" at column 11");
  EXPECT_THAT(mistake("0 3 * *"), HasSubstr("ends at column 8 without the field \"day of week\""));
  EXPECT_THAT(mistake(""), HasSubstr("without the field \"minute\""));
  EXPECT_EQ(mistake(" @foo"),
            "expected @hourly, @daily, @weekly, @monthly, @yearly, @every TIME or five fields, got \"@foo\" "
            "at column 2");
  EXPECT_THAT(mistake("0 0 30 2 *"), HasSubstr("never comes: no such month has a day 30 (column 5)"));
  EXPECT_THAT(mistake("99999999999 * * * *"), HasSubstr("expected 0-59"));
}

}  // namespace
}  // namespace joinery::broker
