#include "broker/server/given_up.h"

#include <gmock/gmock.h>

namespace joinery::broker::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class GivenUpJobs : public ::testing::Test {
 protected:
  void put(JobId first, std::uint32_t count) {
    change::Put put;
    put.queue = 1;
    put.first = first;
    put.count = count;
    hear(put);
  }
  void hear(const Change& change) { ASSERT_TRUE(given_up_.change(change, 0)); }

  const Core kept_{CoreOptions{}};  // knows no job
  GivenUp given_up_{kept_};
};

TEST_F(GivenUpJobs, AreNamedByQueueAndWhatCannotBeReadByItsIds) {
  change::Queue mail;
  mail.id = 1;
  mail.name = "mail";
  hear(mail);
  put(2, 3);
  put(9, 1);
  EXPECT_THAT(given_up_.jobs(), ElementsAre(Pair("mail", "2-4, 9")));
  EXPECT_EQ(given_up_.unknown(1), "1, 5-8");
  EXPECT_EQ(given_up_.next_job(), 10U);
}

// They are so many that they must not be counted one by one.
TEST_F(GivenUpJobs, AreNotTheIdsThatAnEarlierRepairLeftOut) {
  constexpr JobId far = 1'700'000'000'000;
  put(1, 2);
  hear(change::Epoch{.epoch = 9, .next_job = far});
  put(far + 2, 1);
  EXPECT_EQ(given_up_.unknown(1), "1700000000000-1700000000001");
  EXPECT_EQ(given_up_.next_job(), far + 3);
  EXPECT_EQ(given_up_.epoch(), 9U);
}

TEST_F(GivenUpJobs, AreNoneWhereOnlyAnEpochBegan) {
  hear(change::Epoch{.epoch = 9, .next_job = 1'700'000'000'000});
  EXPECT_EQ(given_up_.unknown(1), "");
}

}  // namespace
}  // namespace joinery::broker::server
