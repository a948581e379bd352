// The broker's socket against real peers, well-behaved and not.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <fstream>
#include <set>

#include "sockets.h"

namespace joinery::transport {
namespace {

using testing::HasSubstr;

struct RouterTest : testing::Test {
  std::string bind(const std::string& endpoint) {
    auto bound = router.bind(endpoint);
    EXPECT_TRUE(bound) << bound.error().message;
    return bound.value_or("");
  }

  TempDir dir;
  Context context;
  Router router{context, {.frame_max = 1U << 20U, .queue_max = 100}};
};

TEST_F(RouterTest, AWildcardPortIsToldAsTheRealOne) {
  const std::string bound = bind("tcp://127.0.0.1:*");
  EXPECT_THAT(bound, testing::MatchesRegex("tcp://127.0.0.1:[0-9]+"));
  Router other(context, {});
  EXPECT_NE(*other.bind("tcp://127.0.0.1:0"), bound);
}

TEST_F(RouterTest, ATakenPortIsRefusedWithItsEndpointInTheMessage) {
  const std::string bound = bind("tcp://127.0.0.1:0");
  Router second(context, {});
  const auto refused = second.bind(bound);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::endpoint_taken);
  EXPECT_THAT(refused.error().message, HasSubstr(bound));
}

TEST_F(RouterTest, ATakenPathIsRefusedAndItsOwnerKeepsIt) {
  bind(dir.endpoint());
  Router second(context, {});
  const auto refused = second.bind(dir.endpoint());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::endpoint_taken);
  Dealer dealer(context, {});
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  ASSERT_EQ(change(dealer), +1);
  EXPECT_EQ(dealer.send("still here"), Sent::yes);
  EXPECT_EQ(receive(router).frame, "still here");
}

TEST_F(RouterTest, APathLeftBehindByAKilledBrokerIsTakenOver) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir.path + "/s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  EXPECT_EQ(bind(dir.endpoint()), dir.endpoint());
}

TEST_F(RouterTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(dir.path + "/s") << "precious";
  const auto refused = router.bind(dir.endpoint());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  std::string kept;
  std::ifstream(dir.path + "/s") >> kept;
  EXPECT_EQ(kept, "precious");
}

TEST_F(RouterTest, AnEndpointThatIsNoneIsAnInvalidArgument) {
  for (const char* endpoint : {"", "7733", "inproc://x", "udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://*:x",
                               "ipc://", "ipc:///nowhere/at/all/s"}) {
    const auto refused = router.bind(endpoint);
    ASSERT_FALSE(refused) << endpoint;
    EXPECT_EQ(refused.error().code, Code::invalid_argument) << endpoint << ": " << refused.error().message;
    EXPECT_EQ(refused.error().field, "endpoint");
  }
}

TEST_F(RouterTest, FramesGoThereAndBackOverTcpAndIpc) {
  for (const std::string& endpoint : {std::string("tcp://127.0.0.1:0"), dir.endpoint()}) {
    Dealer dealer(context, {});
    ASSERT_TRUE(dealer.connect(bind(endpoint)));
    ASSERT_EQ(change(dealer), +1);
    ASSERT_EQ(dealer.send("ping"), Sent::yes);
    const Received ping = receive(router);
    EXPECT_EQ(ping.frame, "ping");
    EXPECT_GT(ping.connection, 0);
    ASSERT_EQ(router.send(ping.from, "pong"), Sent::yes);
    EXPECT_EQ(receive(dealer), "pong");
  }
}

TEST_F(RouterTest, AFrameOf24MiBArrivesWhole) {
  for (const std::string& endpoint : {std::string("tcp://127.0.0.1:0"), dir.endpoint()}) {
    Router large(context, {});
    Dealer dealer(context, {});
    ASSERT_TRUE(dealer.connect(*large.bind(endpoint)));
    ASSERT_EQ(change(dealer), +1);
    Buffer frame(24U << 20U, 'x');
    frame.back() = 'y';
    ASSERT_EQ(dealer.send(frame), Sent::yes);
    // Each end goes on with what it sends whenever it is asked what has come.
    const std::vector<std::vector<int>> both{large.descriptors(), dealer.descriptors()};
    Received there;
    Buffer back;
    ASSERT_TRUE(wait_for(both, [&] {
      dealer.receive(back);
      return large.receive(there.from, there.frame, there.connection);
    }));
    EXPECT_TRUE(there.frame == frame);
    ASSERT_EQ(large.send(there.from, frame), Sent::yes);
    ASSERT_TRUE(wait_for(both, [&] {
      large.receive(there.from, there.frame, there.connection);
      return dealer.receive(back);
    }));
    EXPECT_TRUE(back == frame);
  }
}

TEST_F(RouterTest, AFrameThatIsTooLargeBreaksOnlyItsSendersConnection) {
  bind(dir.endpoint());
  Dealer good(context, {});
  Dealer bad(context, {});
  ASSERT_TRUE(good.connect(dir.endpoint()));
  ASSERT_TRUE(bad.connect(dir.endpoint()));
  ASSERT_EQ(change(good), +1);
  ASSERT_EQ(change(bad), +1);
  ASSERT_EQ(bad.send("hello"), Sent::yes);
  const transport::ConnectionNumber connection = receive(router).connection;
  ASSERT_EQ(good.send("one"), Sent::yes);
  const Received one = receive(router);
  EXPECT_NE(one.connection, connection);
  ASSERT_EQ(bad.send(Buffer((1U << 20U) + 1, 'x')), Sent::yes);
  EXPECT_THAT(lost(router), testing::ElementsAre(connection));
  EXPECT_EQ(change(bad), -1);
  ASSERT_EQ(good.send("two"), Sent::yes);
  EXPECT_EQ(receive(router).frame, "two");
  EXPECT_EQ(router.send(one.from, "answer"), Sent::yes);
  EXPECT_EQ(receive(good), "answer");
}

TEST_F(RouterTest, AMultiPartMessageIsDroppedWholeAndItsSenderMayGoOn) {
  bind(dir.endpoint());
  void* stranger = zmq_socket(context.handle(), ZMQ_DEALER);
  int linger = 0;
  zmq_setsockopt(stranger, ZMQ_LINGER, &linger, sizeof linger);
  ASSERT_EQ(zmq_connect(stranger, dir.endpoint().c_str()), 0);
  zmq_send(stranger, "a", 1, ZMQ_SNDMORE);
  zmq_send(stranger, "b", 1, ZMQ_SNDMORE);
  zmq_send(stranger, "c", 1, 0);
  zmq_send(stranger, "", 0, ZMQ_SNDMORE);
  zmq_send(stranger, "request", 7, 0);
  zmq_send(stranger, "single", 6, 0);
  EXPECT_EQ(receive(router).frame, "single");
  zmq_close(stranger);
}

TEST_F(RouterTest, ToSendToNobodyIsGone) {
  bind(dir.endpoint());
  EXPECT_EQ(router.send("stranger", "frame"), Sent::gone);
}

TEST_F(RouterTest, APeerThatReadsNothingFillsItsQueueAndBlocksNobody) {
  bind(dir.endpoint());
  Dealer lazy(context, {.queue_max = 10, .reconnect_first = Duration(1000), .reconnect_max = Duration(1000)});
  ASSERT_TRUE(lazy.connect(dir.endpoint()));
  ASSERT_EQ(change(lazy), +1);
  ASSERT_EQ(lazy.send("hello"), Sent::yes);
  const Received hello = receive(router);
  const Buffer frame(100'000, 'x');
  Sent sent = Sent::yes;
  for (int i = 0; i < 100'000 && sent == Sent::yes; ++i) sent = router.send(hello.from, frame);
  EXPECT_EQ(sent, Sent::full);
}

TEST_F(RouterTest, ALostConnectionIsToldWithTheNumberOfItsFrames) {
  bind("tcp://127.0.0.1:0");
  const std::string endpoint = bind(dir.endpoint());
  std::set<int> seen;
  for (int round = 0; round < 20; ++round) {  // the system uses the descriptors again; the numbers are new
    transport::ConnectionNumber connection = 0;
    {
      Dealer dealer(context, {});
      ASSERT_TRUE(dealer.connect(endpoint));
      ASSERT_EQ(change(dealer), +1);
      ASSERT_EQ(dealer.send("x"), Sent::yes);
      connection = receive(router).connection;
    }
    EXPECT_THAT(lost(router), testing::ElementsAre(connection));
    EXPECT_TRUE(seen.insert(connection).second);
  }
}

TEST_F(RouterTest, GarbageOnThePortHarmsNobody) {
  bind(dir.endpoint());
  const int stranger = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir.path + "/s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(stranger, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const Buffer garbage = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" + Buffer(1000, '\xff');
  ASSERT_EQ(::send(stranger, garbage.data(), garbage.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(garbage.size()));
  ::close(stranger);
  Dealer dealer(context, {});
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  ASSERT_EQ(change(dealer), +1);
  ASSERT_EQ(dealer.send("fine"), Sent::yes);
  EXPECT_EQ(receive(router).frame, "fine");
}

TEST_F(RouterTest, NoFrameIsLeftLyingWhenSendingSwallowedTheEdge) {
  bind(dir.endpoint());
  Dealer dealer(context,
                {.queue_max = 0, .reconnect_first = Duration(1000), .reconnect_max = Duration(1000)});
  ASSERT_TRUE(dealer.connect(dir.endpoint()));
  ASSERT_EQ(change(dealer), +1);
  ASSERT_EQ(dealer.send("hello"), Sent::yes);
  const Received hello = receive(router);
  int received = 0;
  constexpr int rounds = 2'000;
  for (int i = 0; i < rounds; ++i) {
    ASSERT_EQ(dealer.send("x"), Sent::yes);
    while (router.send(hello.from, "y") == Sent::full) {
      Buffer frame;
      while (dealer.receive(frame)) {
      }
    }
    Received got = receive(router);  // waits on the descriptors alone
    received += got.frame == "x";
  }
  EXPECT_EQ(received, rounds);
}

}  // namespace
}  // namespace joinery::transport
