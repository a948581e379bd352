// A caller that stands in for the client's thread does all of its work, to the end.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <utility>
#include <vector>

#include "producer/client/joinery/client.h"
#include "scripted_broker.h"

namespace joinery {
namespace {

using testing::ScriptedBroker;

// As many frames unanswered as may be, so that what is submitted next waits for room; and a client that sends
// no heartbeats, because each gives a turn to what was forgotten.
struct ClientAttend : ::testing::Test {
  ScriptedBroker broker;
  Client client{[this] {
    ClientOptions options;
    options.endpoint = broker.endpoint();
    return options;
  }()};
  std::vector<protocol::Submit> under_way;
  std::atomic<int> answers = 0;

  void SetUp() override {
    protocol::Welcome silent;
    silent.heartbeat_ms = 3'600'000;
    silent.lease_ms = 7'200'000;
    broker.welcome(silent);
    for (int i = 0; i < 4; ++i) {
      submit("fills the line");
      under_way.push_back(broker.submit());
    }
  }

  void TearDown() override { client.close(); }  // waits for no answer

  void submit(const char* payload) {
    client.submit("work", payload, {}, [this](const Result<JobId>&) { ++answers; });
  }

  void attend(const std::function<bool()>& done) {
    bool submitted = false;
    const auto begin = [&] {
      if (!std::exchange(submitted, true)) submit("waits for room");
    };
    while (!client.attend(begin, done)) client.connect();  // its thread was at work
  }
};

TEST_F(ClientAttend, SendsWhatTheLastAnswerMadeRoomForBeforeItLeaves) {
  bool accepted = false;
  attend([&] {
    if (!std::exchange(accepted, true)) broker.accept(under_way[0]);
    return answers == 1;
  });
  const auto waited = broker.submit();
  EXPECT_EQ(waited.groups.at(0).payloads.at(0), "waits for room");
}

TEST_F(ClientAttend, SendsWhatAnAnswerMadeRoomForBeforeItWaitsAgain) {
  std::promise<void> standing;
  std::atomic<bool> sent = false;
  std::atomic<bool> over = false;
  const auto served = std::async(std::launch::async, [&] {
    standing.get_future().wait();
    broker.accept(under_way[0]);
    sent = !broker.quiet(std::chrono::seconds(10));
    over = true;
    client.recall();
  });
  bool told = false;
  attend([&] {
    if (!std::exchange(told, true)) standing.set_value();
    return over.load();
  });
  EXPECT_TRUE(sent);
}

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
