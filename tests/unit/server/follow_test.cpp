// Jobs that are followed: each follower is told what it missed, whenever it asks.
#include "broker/server/follow.h"

#include <gtest/gtest.h>

namespace joinery::broker::server {
namespace {

class FollowTest : public ::testing::Test {
 protected:
  FollowTest() { book.ask(Mono{}, token, SessionId{}); }
  void say(std::size_t lines) {
    for (std::size_t i = 0; i < lines; ++i) book.add(token.job, {.level = "info", .text = "line"});
  }
  void drop(std::uint64_t lines) { book.add(worker, protocol::Log{token, lines, {}}); }
  // What a follower that has read up to `after` is told, and goes on behind.
  std::uint64_t lost() {
    const protocol::Value answer = book.lines(token.job, after);
    after = answer.find("next")->as_u64("next").value();
    return answer.find("lost")->as_u64("lost").value();
  }

  const Token token{7, 1, 1};
  Session worker;
  std::uint64_t after = 0;
  transport::Context context;
  transport::Router router{context, {}};
  Sessions sessions{router, {}};
  FollowBook book{sessions};
};

TEST_F(FollowTest, EachLossIsToldOnce) {
  say(3);
  EXPECT_EQ(lost(), 0U);
  drop(5);
  say(1);
  EXPECT_EQ(lost(), 5U);
  EXPECT_EQ(lost(), 0U);
  drop(2);
  EXPECT_EQ(lost(), 2U) << "the second, smaller one, with no line behind it";
  say(1);
  EXPECT_EQ(lost(), 0U);
}

TEST_F(FollowTest, WhoReadsSlowlyMissesTheOldest) {
  say(FollowBook::lines_max + 10);
  EXPECT_EQ(lost(), 10U);
  EXPECT_EQ(lost(), 0U) << "the rest of what was kept";
  say(FollowBook::lines_max + 4);
  EXPECT_EQ(lost(), 4U);
}

}  // namespace
}  // namespace joinery::broker::server
