#include "broker/server/sessions.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <functional>
#include <memory>

#include "tests/support/temp_dir.h"

namespace joinery::broker::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A real router with real peers.
class SessionsTest : public ::testing::Test {
 protected:
  struct Peer {
    explicit Peer(transport::Context& context) : dealer(context, {.queue_max = 2}) {}
    transport::Dealer dealer;
    transport::Address address;
    transport::ConnectionNumber connection = -1;
  };

  SessionsTest() : endpoint_(*router_.bind("ipc://" + (dir_ / "socket"))) {}

  // Waits for the router, and looks until `done`.
  void until(const std::function<bool()>& done) {
    const Mono limit = read_clocks().mono + std::chrono::seconds(60);
    while (read_clocks().mono < limit) {
      if (done()) return;
      std::vector<pollfd> waits;
      for (const int fd : router_.descriptors()) waits.push_back({fd, POLLIN, 0});
      ::poll(waits.data(), waits.size(), 10);
    }
    FAIL() << "waited in vain";
  }
  // Connects, and tells the router its address by a frame.
  std::unique_ptr<Peer> connect() {
    auto peer = std::make_unique<Peer>(context_);
    EXPECT_TRUE(peer->dealer.connect(endpoint_));
    bool told = false;
    Buffer frame;
    until([&] {
      std::vector<int> changes;
      peer->dealer.changes(changes);
      if (!told) told = peer->dealer.send("hello") == transport::Sent::yes;
      return router_.receive(peer->address, frame, peer->connection);
    });
    return peer;
  }
  // It sends what waits, and notices who is gone, when it is asked what has come: nothing.
  void router_goes_on() {
    transport::Address from;
    Buffer frame;
    transport::ConnectionNumber connection = -1;
    EXPECT_FALSE(router_.receive(from, frame, connection));
  }
  Session& bind(SessionId id, const Peer& peer, Role role = Role::producer) {
    return sessions_.bind(id, role, peer.address, peer.connection);
  }
  std::vector<SessionId> lost() {
    std::vector<SessionId> lost;
    sessions_.take_lost(lost);
    return lost;
  }
  std::vector<SessionId> choked() {
    std::vector<SessionId> changed;
    sessions_.take_choked(changed);
    return changed;
  }

  const SessionId a{1, 1};
  const SessionId b{1, 2};
  testing::TempDir dir_;
  transport::Context context_;
  transport::Router router_{context_, {.queue_max = 2}};
  std::string endpoint_;
  Sessions sessions_{router_, {.outbox_frames = 1000, .outbox_bytes = 1U << 30U, .choke_frames = 10}};
};

TEST_F(SessionsTest, ASessionIsFoundAtItsAddress) {
  const auto peer = connect();
  bind(a, *peer);
  ASSERT_NE(sessions_.at(peer->address), nullptr);
  EXPECT_EQ(sessions_.at(peer->address)->id, a);
  EXPECT_EQ(sessions_.connected(Role::producer), 1U);
  EXPECT_EQ(sessions_.connected(Role::worker), 0U);
}

TEST_F(SessionsTest, ABrokenConnectionLosesItsSession) {
  auto peer = connect();
  bind(a, *peer);
  const transport::Address address = peer->address;
  peer.reset();
  until([&] {
    router_goes_on();
    sessions_.collect_lost();
    return sessions_.at(address) == nullptr;
  });
  EXPECT_THAT(lost(), ElementsAre(a));
  EXPECT_FALSE(sessions_.find(a)->connected);
}

TEST_F(SessionsTest, ASessionThatReturnsElsewhereIsHandedOver) {
  const auto old_place = connect();
  const auto new_place = connect();
  const std::uint32_t before = bind(a, *old_place).generation;
  const Session& session = bind(a, *new_place);
  EXPECT_GT(session.generation, before);
  EXPECT_EQ(sessions_.at(old_place->address), nullptr);
  EXPECT_EQ(sessions_.at(new_place->address), &session);
  EXPECT_THAT(lost(), ElementsAre(a));  // told to the core before the new hello
}

TEST_F(SessionsTest, AnotherSessionOnTheSameConnectionReplacesTheFirst) {
  const auto peer = connect();
  bind(a, *peer);
  bind(b, *peer);
  EXPECT_EQ(sessions_.at(peer->address)->id, b);
  EXPECT_THAT(lost(), ElementsAre(a));
}

TEST_F(SessionsTest, FramesThatAPeerDoesNotReadWaitInOrderAndChokeAWorker) {
  const auto peer = connect();
  Session& session = bind(a, *peer, Role::worker);
  const std::string big(1U << 20U, 'x');
  int sent = 0;
  while (!session.choked && sent < 500) sessions_.send(session, std::to_string(sent++) + big);
  ASSERT_TRUE(session.choked);
  EXPECT_THAT(choked(), ElementsAre(a));

  int received = 0;
  Buffer frame;
  until([&] {
    sessions_.flush();
    router_goes_on();
    while (peer->dealer.receive(frame)) EXPECT_TRUE(frame.starts_with(std::to_string(received++) + "x"));
    return received == sent;
  });
  EXPECT_FALSE(session.choked);
  EXPECT_THAT(choked(), ElementsAre(a));
  EXPECT_FALSE(sessions_.flush());
}

TEST_F(SessionsTest, APeerThatNeverReadsIsLost) {
  const auto peer = connect();
  Session& session = bind(a, *peer);
  const std::string big(1U << 20U, 'x');
  for (int i = 0; i < 1500 && session.connected; ++i) sessions_.send(session, big);
  EXPECT_FALSE(session.connected);
  EXPECT_TRUE(session.outbox.empty());
  EXPECT_THAT(lost(), ElementsAre(a));
}

TEST_F(SessionsTest, ARemovedSessionLeavesNothingToTell) {
  const auto peer = connect();
  bind(a, *peer);
  sessions_.remove(a);
  EXPECT_EQ(sessions_.find(a), nullptr);
  EXPECT_EQ(sessions_.at(peer->address), nullptr);
  EXPECT_THAT(lost(), IsEmpty());
}

TEST_F(SessionsTest, AConnectionThatSendsOnlyGarbageIsIgnoredInTheEnd) {
  int answered = 0;
  while (sessions_.tolerate_garbage(3)) ++answered;
  EXPECT_GT(answered, 0);
  EXPECT_TRUE(sessions_.ignored(3));
  EXPECT_FALSE(sessions_.ignored(4));
}

}  // namespace
}  // namespace joinery::broker::server
