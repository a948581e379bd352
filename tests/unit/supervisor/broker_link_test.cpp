// The link alone, against a broker that does not read.
#include "worker/supervisor/broker_link.h"

#include <gtest/gtest.h>

#include <thread>

#include "scripted_broker.h"

namespace joinery::worker {
namespace {

struct NoEvents : LinkEvents {
  void welcomed(const protocol::Welcome&) override {}
  void dispatched(const DispatchFrame&, const protocol::Dispatch&) override {}
  void revoked(const protocol::Revoke&) override {}
  void replied(std::uint64_t, const Result<Bytes>&) override {}
  void held_tokens(std::vector<Token>&) override {}
};

TEST(BrokerLink, ComesBackAfterItsConnectionBrokeWhileItWasFull) {
  constexpr JobId jobs = 40'000;  // each a frame: more than sockets and queues take
  ScriptedBroker broker;
  transport::Context context;
  NoEvents events;
  BrokerLink link(context, broker.endpoint(), {}, events);
  const auto turn = [&link] {
    const Mono now = read_clocks().mono;
    link.tick(now);
    while (link.process(now, 64)) {
    }
    link.flush(now);
  };
  const auto welcome_it = [&](protocol::Hello& hello) {
    std::thread of_broker([&] { hello = broker.welcome(); });
    EXPECT_TRUE(testing::eventually([&] { return turn(), link.in_session(); }));
    of_broker.join();
  };
  protocol::Hello hello;
  link.open(read_clocks().mono, {"noop"});
  welcome_it(hello);
  const Mono full = read_clocks().mono;  // the time stands still, so that it does not try again
  for (JobId job = 1; job <= jobs; ++job) {
    const Token token{job, 1, 1};
    link.finishes().succeeded({&token, 1});
    link.flush(full);
  }
  broker.stop();
  EXPECT_TRUE(testing::eventually([&] { return link.process(full, 64), !link.in_session(); }));
  broker.start();
  welcome_it(hello);
  EXPECT_EQ(hello.held.size(), jobs);
}

}  // namespace
}  // namespace joinery::worker
