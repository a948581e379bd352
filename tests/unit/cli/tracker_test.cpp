#include "producer/cli/tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace joinery::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

JobOutcome outcome(JobId job) {
  JobOutcome made;
  made.job = job;
  return made;
}

TEST(Tracker, KnowsWhichItemAJobCameFromThoughOthersSubmitInBetween) {
  Tracker tracker;
  tracker.accepted(10, 2);
  tracker.accepted(20, 2);
  tracker.ended(outcome(21));
  tracker.ended(outcome(10));
  const auto items = tracker.take();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].index, 3U);
  EXPECT_EQ(items[1].index, 0U);
  EXPECT_THAT(tracker.missing(), ElementsAre(11, 20));
}

TEST(Tracker, KeepsAnOutcomeThatComesBeforeItsJobIsKnown) {
  Tracker tracker;
  tracker.ended(outcome(5));
  EXPECT_THAT(tracker.take(), IsEmpty());
  tracker.accepted(5, 1);
  EXPECT_EQ(tracker.take().size(), 1U);
}

TEST(Tracker, TakesAnOutcomeOnce) {
  Tracker tracker;
  tracker.accepted(5, 1);
  tracker.ended(outcome(5));
  tracker.ended(outcome(5));
  EXPECT_EQ(tracker.take().size(), 1U);
  EXPECT_THAT(tracker.missing(), IsEmpty());
}

}  // namespace
}  // namespace joinery::cli
