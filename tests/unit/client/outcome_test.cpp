// Outcomes and results: waiting for jobs, being told, reading Redis.
#include <gmock/gmock.h>
#include <poll.h>

#include <thread>

#include "producer/client/joinery/client.h"
#include "scripted_broker.h"
#include "tests/support/redis_server.h"

namespace joinery {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::RedisServer;
using testing::ScriptedBroker;
using ::testing::UnorderedElementsAre;

constexpr SessionId broker_id{1, 2};

struct ClientOutcome : ::testing::Test {
  ScriptedBroker broker;
  ClientOptions options = [this] {
    ClientOptions these;
    these.endpoint = broker.endpoint();
    return these;
  }();

  void tell(JobId job, Outcome outcome = Outcome::succeeded, bool known = true) {
    protocol::JobOutcome one;
    one.job = job;
    one.known = known;
    one.outcome = outcome;
    one.attempt = 1;
    one.epoch = 1;
    if (outcome == Outcome::failed) one.failure.message = "no";
    broker.send(protocol::Outcomes{{one}});
  }
};

template <typename F>
Code code_of(F call) {
  try {
    call();
  } catch (const ClientError& error) {
    return error.code();
  }
  return Code::ok;
}

TEST_F(ClientOutcome, WaitGivesTheOutcomesInTheOrderAskedFor) {
  Client client(options);
  broker.welcome();
  auto waited = std::async(std::launch::async, [&] { return client.wait({7, 5, 7, 9}); });
  const auto watch = broker.next<protocol::Watch>();
  EXPECT_THAT(watch.jobs, UnorderedElementsAre(5, 7, 9));
  tell(9, Outcome::failed);
  tell(5, Outcome::cancelled);
  tell(7);
  const auto outcomes = waited.get();
  ASSERT_EQ(outcomes.size(), 4U);
  EXPECT_EQ(outcomes[0].job, 7U);
  EXPECT_EQ(outcomes[0].outcome, Outcome::succeeded);
  EXPECT_EQ(outcomes[0].token, (Token{7, 1, 1}));
  EXPECT_EQ(outcomes[1].outcome, Outcome::cancelled);
  EXPECT_EQ(outcomes[2].job, 7U);
  EXPECT_EQ(outcomes[3].failure.message, "no");
}

TEST_F(ClientOutcome, WaitForNothingReturnsAtOnce) {
  Client client(options);
  EXPECT_TRUE(client.wait({}).empty());
}

TEST_F(ClientOutcome, WaitAsksAgainAfterAReconnect) {
  Client client(options);
  broker.welcome();
  auto waited = std::async(std::launch::async, [&] { return client.wait({5, 6}); });
  broker.next<protocol::Watch>();
  tell(5);
  broker.stop();
  broker.start();
  broker.welcome();
  const auto watch = broker.next<protocol::Watch>();
  EXPECT_THAT(watch.jobs, ::testing::Contains(6));
  tell(5);  // harmless if it comes again
  tell(6);
  EXPECT_EQ(waited.get().size(), 2U);
}

TEST_F(ClientOutcome, WaitTimesOut) {
  Client client(options);
  broker.welcome();
  EXPECT_EQ(code_of([&] { client.wait({5}, milliseconds(30)); }), Code::timed_out);
  broker.next<protocol::Watch>();
  auto waited = std::async(std::launch::async, [&] { return client.wait({5}); });
  broker.next<protocol::Watch>();
  tell(5);
  EXPECT_EQ(waited.get().size(), 1U);
}

TEST_F(ClientOutcome, IsToldForWatchedJobsWithoutAsking) {
  Client client(options);
  std::vector<JobId> told;
  broker.welcome();
  client.on_outcome([&](const JobOutcome& outcome) { told.push_back(outcome.job); });
  SubmitOptions watched;
  watched.watch = true;
  auto first = client.submit_many("work", {"a", "b"}, watched);
  broker.accept(broker.submit());
  first.get();
  tell(2);
  tell(99);  // nobody's
  tell(1, Outcome::failed);
  const auto outcomes = client.wait({1, 2});  // what it knows, it does not ask for
  EXPECT_EQ(outcomes[0].outcome, Outcome::failed);
  EXPECT_EQ(outcomes[1].outcome, Outcome::succeeded);
  EXPECT_THAT(told, ElementsAre(2, 1));
  EXPECT_TRUE(broker.quiet());
}

TEST_F(ClientOutcome, AResultThatCameAlongNeedsNoRedis) {
  Client client(options);
  broker.welcome();
  SubmitOptions watched;
  watched.watch = true;
  auto job = client.submit("work", "a", watched);
  broker.accept(broker.submit());
  job.get();
  broker.send(protocol::Outcomes{{{1, true, Outcome::succeeded, 1, 1, {}, "\x2a"}}});
  EXPECT_EQ(client.wait({1})[0].result, "\x2a");
  const auto stored = client.result(1);
  EXPECT_EQ(stored.value, "\x2a");
  EXPECT_EQ(stored.token, (Token{1, 1, 1}));
}

TEST_F(ClientOutcome, WatchedJobsAreAskedForAfterAReconnect) {
  Client client(options);
  broker.welcome();
  SubmitOptions watched;
  watched.watch = true;
  auto first = client.submit_many("work", {"a", "b", "c"}, watched);
  broker.accept(broker.submit());
  first.get();
  auto late = client.submit("work", "d", watched);
  broker.submit();
  broker.stop();
  broker.start();
  broker.welcome();
  broker.accept(broker.submit());  // its first answer and its outcome may have been lost with the connection
  EXPECT_EQ(late.get(), 4U);
  std::vector<JobId> asked;
  while (asked.size() < 4) {
    for (JobId job : broker.next<protocol::Watch>().jobs) asked.push_back(job);
  }
  EXPECT_THAT(asked, UnorderedElementsAre(1, 2, 3, 4));
}

struct ClientResult : ClientOutcome {
  RedisServer redis;
  redis::Pipeline pipeline{redis.url()};

  void welcome(Client& client) {
    protocol::Welcome answer;
    answer.broker = broker_id;
    answer.redis_url = redis.url_text();
    auto connected = std::async(std::launch::async, [&] { client.connect(); });
    broker.welcome(answer);
    connected.get();
  }
  void store(JobId job, std::uint32_t attempt, const std::string& value) {
    results::Write write;
    write.result.token = {job, attempt, 1};
    write.result.value = value;
    write.ttl_s = 60;
    bool done = false;
    results::write(pipeline, broker_id, {&write, 1}, [&](std::size_t, const Result<bool>&) { done = true; });
    while (!done) {
      pipeline.process(read_clocks());
      pollfd wait{pipeline.descriptor(), POLLIN, 0};
      if (pipeline.wants_write()) wait.events |= POLLOUT;
      if (!done) ::poll(&wait, 1, 10);
    }
  }
  // What result() says if the broker tells this outcome.
  std::future<results::Stored> ask(Client& client, JobId job) {
    auto result = std::async(std::launch::async, [&client, job] { return client.result(job); });
    broker.next<protocol::Watch>();
    return result;
  }
};

TEST_F(ClientResult, IsReadOnceTheJobHasSucceeded) {
  Client client(options);
  welcome(client);
  store(5, 1, "value");
  auto result = ask(client, 5);
  tell(5);
  EXPECT_EQ(result.get().value, "value");
  EXPECT_EQ(client.redis_url(), redis.url_text());
  EXPECT_EQ(client.broker_id(), broker_id);
}

TEST_F(ClientResult, OfAnotherDeliveryIsNone) {
  Client client(options);
  welcome(client);
  store(5, 2, "of a late worker");
  auto result = ask(client, 5);
  tell(5);
  EXPECT_EQ(code_of([&] { result.get(); }), Code::no_result);
}

TEST_F(ClientResult, ThatWasNotKeptIsNone) {
  Client client(options);
  welcome(client);
  auto result = ask(client, 5);
  tell(5);
  EXPECT_EQ(code_of([&] { result.get(); }), Code::no_result);
}

TEST_F(ClientResult, OfAFailedJobIsItsFailure) {
  Client client(options);
  welcome(client);
  auto result = ask(client, 5);
  tell(5, Outcome::failed);
  const auto stored = result.get();
  EXPECT_EQ(stored.outcome, Outcome::failed);
  EXPECT_EQ(stored.failure.message, "no");
}

TEST_F(ClientResult, OfAJobThatTheBrokerForgotIsWhatRedisHas) {
  Client client(options);
  welcome(client);
  store(5, 3, "old");
  auto result = ask(client, 5);
  tell(5, Outcome::succeeded, false);
  EXPECT_EQ(result.get().value, "old");
  auto unknown = ask(client, 6);
  tell(6, Outcome::succeeded, false);
  EXPECT_EQ(code_of([&] { unknown.get(); }), Code::unknown_job);
}

TEST_F(ClientResult, ManyAreReadAtOnce) {
  Client client(options);
  welcome(client);
  store(5, 1, "five");
  const auto found = client.results({4, 5});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0]);
  EXPECT_EQ(found[1]->value, "five");
}

TEST_F(ClientResult, WithoutRedisIsNone) {
  Client client(options);
  auto found = std::async(std::launch::async, [&] { client.results({5}); });
  protocol::Welcome without_redis;
  without_redis.broker = broker_id;
  broker.welcome(without_redis);
  EXPECT_EQ(code_of([&] { found.get(); }), Code::no_result);
}

}  // namespace
}  // namespace joinery
