#include "shared/base/stop_requests.h"

#include <gtest/gtest.h>

namespace joinery {
namespace {

using std::chrono::milliseconds;

TEST(StopRequests, signals_of_the_same_moment_are_one_request) {
  StopRequests requests(milliseconds(500));
  const Mono begin{};
  EXPECT_TRUE(requests.take(begin));
  EXPECT_FALSE(requests.take(begin));
  EXPECT_FALSE(requests.take(begin + milliseconds(499)));
  EXPECT_EQ(requests.count(), 1);
}

TEST(StopRequests, someone_who_keeps_asking_is_heard) {
  StopRequests requests(milliseconds(500));
  for (int tenth = 0; tenth <= 10; ++tenth) requests.take(Mono(milliseconds(100 * tenth)));
  EXPECT_EQ(requests.count(), 3);
}

}  // namespace
}  // namespace joinery
