// A client's socket against a real Router.
#include <optional>

#include "sockets.h"

namespace joinery::transport {
namespace {

struct DealerTest : testing::Test {
  void start_router() {
    router.emplace(context, Router::Options{});
    ASSERT_TRUE(router->bind(dir.endpoint()));
  }

  TempDir dir;
  Context context;
  std::optional<Router> router;
  Dealer dealer{context,
                {.queue_max = 10, .reconnect_first = Duration(2000), .reconnect_max = Duration(20'000)}};
};

TEST_F(DealerTest, SaysWhenTheConnectionIsMadeLostAndMadeAgain) {
  start_router();
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  EXPECT_EQ(change(dealer), +1);
  router.reset();
  EXPECT_EQ(change(dealer), -1);
  start_router();
  EXPECT_EQ(change(dealer), +1);
  ASSERT_EQ(dealer.send("hello again"), Sent::yes);
  EXPECT_EQ(receive(*router).frame, "hello again");
}

TEST_F(DealerTest, MayConnectBeforeTheBrokerIsThere) {
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  EXPECT_EQ(dealer.send("too early"), Sent::gone);
  start_router();
  ASSERT_EQ(change(dealer), +1);
  ASSERT_EQ(dealer.send("now"), Sent::yes);
  EXPECT_EQ(receive(*router).frame, "now");
}

TEST_F(DealerTest, NothingSentToALostConnectionReachesTheNextOne) {
  start_router();
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  ASSERT_EQ(change(dealer), +1);
  router.reset();
  ASSERT_EQ(change(dealer), -1);
  EXPECT_EQ(dealer.send("for the old one"), Sent::gone);
  start_router();
  ASSERT_EQ(change(dealer), +1);
  ASSERT_EQ(dealer.send("for the new one"), Sent::yes);
  EXPECT_EQ(receive(*router).frame, "for the new one");
}

TEST_F(DealerTest, AFullQueueIsSaidAndNotWaitedFor) {
  Router slow(context, {.frame_max = 1U << 20U, .queue_max = 10});
  ASSERT_TRUE(slow.bind(dir.endpoint()));
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  ASSERT_EQ(change(dealer), +1);
  const Buffer frame(100'000, 'x');
  Sent sent = Sent::yes;
  for (int i = 0; i < 100'000 && sent == Sent::yes; ++i) sent = dealer.send(frame);
  EXPECT_EQ(sent, Sent::full);
}

TEST_F(DealerTest, AGoodbyeLeavesBeforeTheSocketIsGone) {
  start_router();
  {
    Dealer brief(context, {});
    ASSERT_TRUE(brief.connect(dir.endpoint()));
    ASSERT_EQ(change(brief), +1);
    ASSERT_EQ(brief.send("goodbye"), Sent::yes);
  }
  EXPECT_EQ(receive(*router).frame, "goodbye");
}

TEST_F(DealerTest, AnEndpointThatIsNoneIsAnInvalidArgument) {
  for (const char* endpoint :
       {"", "localhost:7733", "inproc://x", "tcp://127.0.0.1", "tcp://127.0.0.1:port"}) {
    const auto refused = dealer.connect(endpoint);
    ASSERT_FALSE(refused) << endpoint;
    EXPECT_EQ(refused.error().code, Code::invalid_argument) << endpoint;
    EXPECT_EQ(refused.error().field, "endpoint");
  }
}

}  // namespace
}  // namespace joinery::transport
