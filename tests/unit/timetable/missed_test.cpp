// What a schedule does when more than one of its times has come.
#include "broker/timetable/missed.h"

#include <gmock/gmock.h>

namespace joinery::broker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Wall day{std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)};

std::vector<Firing> steps(CatchUp catch_up, Wall next, Wall now, std::uint32_t most = 3) {
  const Timetable hourly = Timetable::make("0 * * * *", "", {}).value();
  Schedule schedule;
  schedule.catch_up = catch_up;
  schedule.catch_up_max = most;
  return firings(hourly, schedule, next, now);
}

TEST(Missed, NothingIsDueBeforeItsTime) {
  EXPECT_THAT(steps(CatchUp::all, day + 1h, day + 59min), IsEmpty());
}

TEST(Missed, OneTimeThatHasJustComeIsNotMissed) {
  for (const CatchUp catch_up : {CatchUp::none, CatchUp::last, CatchUp::all})
    EXPECT_THAT(steps(catch_up, day + 1h, day + 1h + 30s), ElementsAre(Firing{day + 1h, day + 2h}));
}

TEST(Missed, TimesArePassedOver) {
  EXPECT_THAT(steps(CatchUp::none, day + 1h, day + 5h + 2min), ElementsAre(Firing{std::nullopt, day + 6h}));
  EXPECT_THAT(steps(CatchUp::none, day + 1h, day + 5h + 1s), ElementsAre(Firing{day + 5h, day + 6h}))
      << "the last of them is on time";
}

TEST(Missed, TheLastIsMadeUpFor) {
  EXPECT_THAT(steps(CatchUp::last, day + 1h, day + 5h + 2min), ElementsAre(Firing{day + 5h, day + 6h}));
}

TEST(Missed, AllAreMadeUpForUpToANumber) {
  EXPECT_THAT(steps(CatchUp::all, day + 4h, day + 5h + 2min),
              ElementsAre(Firing{day + 4h, day + 5h}, Firing{day + 5h, day + 6h}));
  EXPECT_THAT(steps(CatchUp::all, day + 1h, day + 5h + 2min),
              ElementsAre(Firing{day + 3h, day + 4h}, Firing{day + 4h, day + 5h}, Firing{day + 5h, day + 6h}))
      << "the last three";
}

}  // namespace
}  // namespace joinery::broker
