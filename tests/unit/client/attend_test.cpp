// A caller that stands in for the client's thread.
#include <gmock/gmock.h>

#include <stdexcept>

#include "producer/client/joinery/client.h"
#include "scripted_broker.h"

namespace joinery {
namespace {

using testing::ScriptedBroker;

struct ClientAttended : ::testing::Test {
  ClientAttended() { broker.welcome(); }

  // The broker's side of one submit, which comes whoever sends it.
  JobId answered(std::future<JobId>& id) {
    broker.accept(broker.submit());
    return id.get();
  }

  ScriptedBroker broker;
  Client client{[this] {
    ClientOptions options;
    options.endpoint = broker.endpoint();
    return options;
  }()};
};

TEST_F(ClientAttended, SendsWhatWasSubmittedBeforeTheBeginningThrew) {
  std::future<JobId> id;
  const auto begin = [&] {
    id = client.submit("resize", "cat");
    throw std::runtime_error("no");
  };
  EXPECT_THROW(client.attend(begin, [] { return true; }), std::runtime_error);
  EXPECT_EQ(answered(id), 1U);
}

TEST_F(ClientAttended, GoesOnInItsOwnThreadAfterACallerThrew) {
  bool stood_in = false;
  while (!stood_in) {  // not as long as the client's own thread is at work
    try {
      client.attend([] {}, []() -> bool { throw std::runtime_error("no"); });
    } catch (const std::runtime_error&) {
      stood_in = true;
    }
  }
  auto id = client.submit("resize", "cat");
  EXPECT_EQ(answered(id), 1U);
}

}  // namespace
}  // namespace joinery
