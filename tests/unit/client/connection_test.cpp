// What a client does when connections come and go.
#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include "producer/client/joinery/client.h"
#include "scripted_broker.h"
#include "shared/protocol/value.h"

namespace joinery {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::ScriptedBroker;

struct ClientConnection : ::testing::Test {
  ScriptedBroker broker;
  ClientOptions options = [this] {
    ClientOptions these;
    these.endpoint = broker.endpoint();
    return these;
  }();
};

template <typename F>
Error error_of(F call) {
  try {
    call();
  } catch (const ClientError& error) {
    return error.error();
  }
  return {Code::ok, "", ""};
}

TEST_F(ClientConnection, ConnectNamesTheEndpointThatDoesNotAnswer) {
  options.endpoint = "ipc:///nonexistent/broker";
  options.timeout = milliseconds(50);
  Client client(options);
  const Error error = error_of([&] { client.connect(); });
  EXPECT_EQ(error.code, Code::broker_unreachable);
  EXPECT_THAT(error.message, HasSubstr("ipc:///nonexistent/broker"));
  EXPECT_EQ(error_of([&] { client.submit("work", "x").get(); }).code, Code::broker_unreachable);
  EXPECT_EQ(error_of([&] { client.join_queue("default"); }).code, Code::broker_unreachable);
  EXPECT_EQ(error_of([&] { client.wait({1}); }).code, Code::broker_unreachable);
  EXPECT_EQ(error_of([&] { client.request("status", "\x80"); }).code, Code::broker_unreachable);
}

TEST_F(ClientConnection, AnEndpointThatIsNoneIsRefused) {
  options.endpoint = "nonsense";
  EXPECT_EQ(error_of([&] { Client client(options); }).code, Code::invalid_argument);
}

TEST_F(ClientConnection, AHelloThatIsRefusedIsFinal) {
  Client client(options);
  auto connected = std::async(std::launch::async, [&] { client.connect(); });
  auto id = client.submit("work", "x");
  broker.next<protocol::Hello>();
  broker.send(protocol::ErrorMessage{0, Error{Code::unsupported_version, "version 1 is too old", "version"}});
  EXPECT_EQ(error_of([&] { connected.get(); }).code, Code::unsupported_version);
  EXPECT_EQ(error_of([&] { id.get(); }).code, Code::unsupported_version);
  EXPECT_EQ(error_of([&] { client.submit("work", "x").get(); }).code, Code::unsupported_version);
  EXPECT_EQ(error_of([&] { client.connect(); }).code, Code::unsupported_version);
  EXPECT_EQ(error_of([&] { client.wait({1}); }).code, Code::unsupported_version);
}

TEST_F(ClientConnection, RepeatsWhatHasNoAnswerWithTheSameNumbers) {
  Client client(options);
  const auto hello = broker.welcome();
  auto first = client.submit("work", "1");
  const auto one = broker.submit();
  auto second = client.submit("work", "2");
  const auto two = broker.submit();
  broker.accept(one);
  first.get();
  auto joined = std::async(std::launch::async, [&] { return client.join_queue("default"); });
  const auto join = broker.next<protocol::Join>();
  broker.stop();
  broker.start();
  protocol::Welcome resumed;
  resumed.resumed = true;
  const auto again = broker.welcome(resumed);
  EXPECT_EQ(again.session, hello.session);
  const auto repeated = broker.submit();
  EXPECT_EQ(repeated.sequence, two.sequence);
  EXPECT_EQ(repeated.groups.at(0).payloads.at(0), "2");
  EXPECT_EQ(broker.next<protocol::Join>().request, join.request);
  broker.accept(repeated);
  EXPECT_EQ(second.get(), 2U);
  protocol::Joined answer;
  answer.request = join.request;
  answer.counts.succeeded = 2;
  broker.send(answer);
  EXPECT_EQ(joined.get().succeeded, 2U);
}

TEST_F(ClientConnection, AQuietRequestIsRepeatedAndNotConfirmedUntilItsAnswerAndFlushDoesNotWaitForIt) {
  Client client(options);
  broker.welcome();
  client.request_quietly("job.cancel", "\x80");
  const auto request = broker.next<protocol::Request>();
  auto first = client.submit("work", "1");
  const auto one = broker.submit();
  EXPECT_EQ(one.confirmed, request.sequence - 1);
  broker.accept(one);
  first.get();
  client.flush();
  broker.stop();
  broker.start();
  protocol::Welcome resumed;
  resumed.resumed = true;
  broker.welcome(resumed);
  const auto repeated = broker.next<protocol::Request>();
  EXPECT_EQ(repeated.sequence, request.sequence);
  EXPECT_EQ(repeated.verb, "job.cancel");
  broker.send(protocol::Reply{request.sequence, "\x80"});
  auto second = client.submit("work", "2");
  const auto two = broker.submit();
  broker.accept(two);
  second.get();
  auto third = client.submit("work", "3");
  const auto three = broker.submit();
  EXPECT_EQ(three.confirmed, two.sequence);
  broker.accept(three);
  third.get();
}

TEST_F(ClientConnection, SubmitsWithoutAConnectionGoWithTheFirstOne) {
  broker.stop();
  Client client(options);
  auto first = client.submit("work", "1");
  auto second = client.submit("work", "2");
  broker.start();
  broker.welcome();
  for (std::size_t jobs = 0; jobs < 2;) {
    const auto submit = broker.submit();
    for (const Group& group : submit.groups) jobs += group.payloads.size();
    broker.accept(submit);
  }
  EXPECT_EQ(first.get(), 1U);
  EXPECT_EQ(second.get(), 2U);
}

TEST_F(ClientConnection, SaysHelloAgainToABrokerThatLostTheSession) {
  Client client(options);
  broker.welcome();
  auto id = client.submit("work", "x");
  const auto submit = broker.submit();
  broker.send(protocol::ErrorMessage{submit.sequence, Error{Code::no_session, "who are you?", ""}});
  broker.welcome();
  const auto repeated = broker.submit();
  EXPECT_EQ(repeated.sequence, submit.sequence);
  broker.accept(repeated);
  id.get();
}

TEST_F(ClientConnection, TriesAgainWhenTheBrokerIsStopping) {
  Client client(options);
  broker.welcome();
  auto id = client.submit("work", "x");
  const auto submit = broker.submit();
  broker.send(
      protocol::ErrorMessage{submit.sequence, Error{Code::shutting_down, "the broker is stopping", ""}});
  broker.stop();
  broker.start();
  broker.welcome();
  broker.accept(broker.submit());
  EXPECT_EQ(id.get(), 1U);
}

TEST_F(ClientConnection, SendsHeartbeatsWhileItHasNothingElseToSay) {
  Client client(options);
  protocol::Welcome welcome;
  welcome.heartbeat_ms = 20;
  broker.welcome(welcome);
  broker.next<protocol::Heartbeat>();
  broker.next<protocol::Heartbeat>();
}

TEST_F(ClientConnection, MakesANewConnectionWhenTheBrokerIsSilent) {
  Client client(options);
  protocol::Welcome welcome;
  welcome.heartbeat_ms = 20;
  welcome.lease_ms = 100;
  const auto hello = broker.welcome(welcome);
  const auto again = broker.welcome();  // answers nothing in between
  EXPECT_EQ(again.session, hello.session);
  auto id = client.submit("work", "x");
  broker.accept(broker.submit());
  id.get();
}

TEST_F(ClientConnection, SaysGoodbyeAfterItsLastSubmitIsAccepted) {
  auto client = std::make_unique<Client>(options);
  broker.welcome();
  auto id = client->submit("work", "x");
  const auto submit = broker.submit();
  std::thread closing([&] { client.reset(); });
  EXPECT_TRUE(broker.quiet());
  broker.accept(submit);
  broker.next<protocol::Goodbye>();
  closing.join();
  EXPECT_EQ(id.get(), 1U);
}

TEST_F(ClientConnection, ClosingGivesUpAfterTheTimeout) {
  options.timeout = milliseconds(50);
  auto client = std::make_unique<Client>(options);
  broker.welcome();
  auto id = client->submit("work", "x");
  broker.submit();
  client.reset();
  EXPECT_EQ(error_of([&] { id.get(); }).code, Code::closed);
}

TEST_F(ClientConnection, ARequestTimesOutByItself) {
  Client client(options);
  broker.welcome();
  const Error error = error_of([&] { client.request("status", "\x80", milliseconds(30)); });
  EXPECT_EQ(error.code, Code::timed_out);
}

TEST_F(ClientConnection, AJoinThatTimedOutIsForgotten) {
  Client client(options);
  broker.welcome();
  auto joined = std::async(std::launch::async, [&] { client.join_batch(3, milliseconds(30)); });
  const auto join = broker.next<protocol::Join>();
  EXPECT_EQ(join.batch, 3U);
  EXPECT_EQ(broker.next<protocol::Forget>().request, join.request);
  EXPECT_EQ(error_of([&] { joined.get(); }).code, Code::timed_out);
}

TEST_F(ClientConnection, AJoinComesAfterWhatWasSubmittedBefore) {
  Client client(options);
  broker.welcome();
  for (int i = 0; i < 50; ++i) client.submit("work", "x", {}, {});
  auto joined = std::async(std::launch::async, [&] { return client.join_queue("default"); });
  std::size_t jobs = 0;
  std::vector<protocol::Submit> submits;
  while (jobs < 50) {
    submits.push_back(broker.submit());
    jobs += submits.back().groups.at(0).payloads.size();
  }
  const auto join = broker.next<protocol::Join>();
  for (const auto& submit : submits) broker.accept(submit);
  broker.send(protocol::Joined{join.request, {}});
  joined.get();
}

TEST_F(ClientConnection, OpensABatch) {
  Client client(options);
  broker.welcome();
  auto batch = std::async(std::launch::async, [&] { return client.open_batch("nightly"); });
  const auto request = broker.next<protocol::Request>();
  EXPECT_EQ(request.verb, "batch.open");
  EXPECT_EQ(protocol::decode_map(request.arguments)->str("name").value(), "nightly");
  broker.send(protocol::Reply{request.sequence,
                              "\x81\xa5"
                              "batch\x11"});  // {"batch": 17}
  EXPECT_EQ(batch.get(), 17U);
}

TEST_F(ClientConnection, ARequestThatIsRefusedThrowsTheBrokersError) {
  Client client(options);
  broker.welcome();
  auto reply = std::async(std::launch::async, [&] { client.request("queue.show", "\x80"); });
  const auto request = broker.next<protocol::Request>();
  broker.send(protocol::ErrorMessage{request.sequence, Error{Code::unknown_queue, "no queue x", "queue"}});
  const Error error = error_of([&] { reply.get(); });
  EXPECT_EQ(error, (Error{Code::unknown_queue, "no queue x", "queue"}));
}

TEST_F(ClientConnection, ItsThreadTakesNoSignals) {
  Client client(options);
  broker.welcome();
  std::promise<bool> blocked;
  client.submit("work", "x", {}, [&](const Result<JobId>&) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked.set_value(sigismember(&mask, SIGTERM) == 1);
  });
  broker.accept(broker.submit());
  EXPECT_TRUE(blocked.get_future().get());
}

TEST_F(ClientConnection, ACallbackThatWaitsIsToldNotTo) {
  Client client(options);
  broker.welcome();
  std::promise<Code> seen;
  client.submit("work", "x", {},
                [&](const Result<JobId>&) { seen.set_value(error_of([&] { client.flush(); }).code); });
  broker.accept(broker.submit());
  EXPECT_EQ(seen.get_future().get(), Code::invalid_state);
}

}  // namespace
}  // namespace joinery
