// Due times in time zones: when clocks are set, local times are skipped and repeated.
#include "broker/timetable/timetable.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <random>
#include <set>

namespace joinery::broker {
namespace {

using namespace std::chrono;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "03-30 01:00": of 2025, UTC.
Wall utc(unsigned month, unsigned day, int hour = 0, int minute = 0, int y = 2025) {
  return sys_days(year(y) / month / day) + hours(hour) + minutes(minute);
}
std::string text(Wall time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const auto of_day = floor<minutes>(time - day).count();
  return fmt::format("{:02}-{:02} {:02}:{:02}", static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), of_day / 60, of_day % 60);
}
Timetable table(const std::string& cron, const std::string& zone = "Europe/Berlin", Wall since = {}) {
  return Timetable::make(cron, zone, since).value();
}
// The next few.
std::vector<std::string> after(const Timetable& times, Wall time, int number) {
  std::vector<std::string> found;
  for (; number != 0; --number) found.push_back(text(time = times.next(time)));
  return found;
}

TEST(Timetable, GoesByTheClockOfItsZone) {
  EXPECT_THAT(after(table("0 3 * * *"), utc(1, 1), 2), ElementsAre("01-01 02:00", "01-02 02:00"));
  EXPECT_THAT(after(table("0 3 * * *"), utc(7, 1), 1), ElementsAre("07-01 01:00")) << "summer";
  EXPECT_THAT(after(table("0 3 * * *", ""), utc(7, 1), 1), ElementsAre("07-01 03:00")) << "UTC";
  EXPECT_THAT(after(table("0 3 * * *", "Asia/Kolkata"), utc(7, 1), 1), ElementsAre("07-01 21:30"));
}

TEST(Timetable, IsDueAfterTheTimeGivenNeverAtIt) {
  EXPECT_EQ(table("0 3 * * *").next(utc(1, 1, 2)), utc(1, 2, 2));
  EXPECT_EQ(table("0 3 * * *").next(utc(1, 1, 2) - Duration(1)), utc(1, 1, 2));
}

TEST(Timetable, OfATimeThatIsSkippedIsDueOnceAtTheJump) {
  EXPECT_THAT(after(table("30 2 * * *"), utc(3, 29), 3),
              ElementsAre("03-29 01:30", "03-30 01:00", "03-31 00:30"));
  EXPECT_THAT(after(table("0,15,30 2 * * *"), utc(3, 29, 12), 2), ElementsAre("03-30 01:00", "03-31 00:00"))
      << "three times that are skipped are one jump";
  EXPECT_THAT(after(table("30 2,3 * * *"), utc(3, 29, 12), 2), ElementsAre("03-30 01:00", "03-30 01:30"));
  EXPECT_THAT(after(table("0 12 * * *", "Pacific/Apia"), utc(12, 29, 12, 0, 2011), 3),
              ElementsAre("12-29 22:00", "12-30 10:00", "12-30 22:00"))
      << "a whole day was skipped";
}

TEST(Timetable, OfATimeThatRepeatsIsDueTheFirstTime) {
  EXPECT_THAT(after(table("30 2 * * *"), utc(10, 25, 12), 2), ElementsAre("10-26 00:30", "10-27 01:30"));
  EXPECT_THAT(after(table("0,30 1-3 * * *"), utc(10, 25, 23, 15), 5),
              ElementsAre("10-25 23:30", "10-26 00:00", "10-26 00:30", "10-26 02:00", "10-26 02:30"));
  EXPECT_EQ(table("45 2 * * *").next(utc(10, 26, 1, 15)), utc(10, 27, 1, 45))
      << "asked within the repetition";
}

TEST(Timetable, ThatNamesNoHourGoesOnInRealTime) {
  EXPECT_THAT(after(table("*/30 * * * *"), utc(3, 30, 0, 15), 3),
              ElementsAre("03-30 00:30", "03-30 01:00", "03-30 01:30"));
  EXPECT_THAT(after(table("0 * * * *"), utc(10, 25, 23, 30), 4),
              ElementsAre("10-26 00:00", "10-26 01:00", "10-26 02:00", "10-26 03:00"));
  EXPECT_THAT(after(table("45 * * * *", "Australia/Lord_Howe"), utc(4, 5, 13), 3),
              ElementsAre("04-05 13:45", "04-05 14:45", "04-05 15:15"))
      << "there the clock is set by half an hour";
}

TEST(Timetable, CountsEveryFromItsBeginning) {
  const Timetable times = table("@every 90m", "", utc(1, 1, 0, 7));
  EXPECT_THAT(after(times, utc(1, 1), 3), ElementsAre("01-01 01:37", "01-01 03:07", "01-01 04:37"));
  EXPECT_EQ(times.next(utc(1, 1, 1, 37) - Duration(1)), utc(1, 1, 1, 37));
}

TEST(Timetable, RefusesZonesAndTimesByField) {
  const auto mistake = [](const char* cron, const char* zone) {
    return Timetable::make(cron, zone, {}).error();
  };
  EXPECT_EQ(mistake("@daily", "Europe/Berln").field, "tz");
  EXPECT_THAT(mistake("@daily", "Europe/Berln").message,
              HasSubstr("tz is \"Europe/Berln\", expected a time zone"));
  EXPECT_EQ(mistake("@daily", "/etc/localtime").field, "tz");
  EXPECT_EQ(mistake("@daily", "../../etc/localtime").field, "tz");
  EXPECT_EQ(mistake("@every 0s", "").message,
            "@every: expected a time of at least 1s, as 10m, got \"0s\" at column 8");
  EXPECT_EQ(mistake("@every", "").message,
            "@every: expected a time of at least 1s, as 10m, got \"\" at column 7");
  EXPECT_EQ(mistake("0 3 * *", "").field, "cron");
}

TEST(Timetable, FindsTheLastOfManyDueTimesWithoutCountingThemAll) {
  const Timetable times = table("* * * * *");
  EXPECT_THAT(times.last(utc(1, 1, 0, 0, 1971), utc(3, 1, 0, 1), 2), ElementsAre(utc(3, 1), utc(3, 1, 0, 1)));
  EXPECT_THAT(table("0 0 1 1 *", "").last(utc(1, 1, 0, 0, 2020), utc(3, 1), 3),
              ElementsAre(utc(1, 1, 0, 0, 2023), utc(1, 1, 0, 0, 2024), utc(1, 1)));
  EXPECT_THAT(times.last(utc(1, 1), utc(1, 1), 5), ElementsAre(utc(1, 1)));
}

// Against the definition, minute by minute, around the times at which clocks are set.
TEST(Timetable, IsTheDefinitionForRandomCronsAndZones) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(fmt::format("JOINERY_SEED={}", seed));
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  const std::vector<std::string> zones{
      "Europe/Berlin", "America/New_York",  "Australia/Lord_Howe", "Asia/Tokyo",
      "Pacific/Apia",  "America/Sao_Paulo", "Africa/Cairo",        "UTC"};
  for (int round = 0; round < 60; ++round) {
    const bool every_hour = below(3) == 0;
    const std::string cron = fmt::format("{},*/{} {} * * *", below(60), 7 + below(40),
                                         every_hour ? "*" : fmt::format("{},{}", below(4), below(24)));
    const std::string& name = zones[below(zones.size())];
    SCOPED_TRACE(cron + " in " + name);
    const Zone zone = Zone::load(name).value();
    const Cron fields = parse_cron(cron).value();
    const sys_seconds begin = zone.next_change(sys_days(year(2000 + static_cast<int>(below(25))) / 1 / 1))
                                  .value_or(sys_days(year(2025) / 3 / 1)) -
                              days(2);
    const sys_seconds end = begin + days(4);
    std::set<Wall> due;
    if (every_hour) {
      for (sys_seconds time = begin + minutes(1); time < end; time += minutes(1)) {
        const local_seconds local = zone.local(time);
        if (fields.first(local) == local) due.insert(time);
      }
    } else {
      for (local_seconds local = zone.local(begin) - days(2); local < zone.local(end) + days(2);
           local += minutes(1)) {
        const sys_seconds time = zone.instant(local);
        if (fields.first(local) == local && time > begin && time < end) due.insert(time);
      }
    }
    const Timetable times = table(cron, name);
    std::set<Wall> found;
    for (Wall time = times.next(begin); time < end; time = times.next(time)) found.insert(time);
    ASSERT_EQ(found, due);
  }
}

}  // namespace
}  // namespace joinery::broker
