// Conversations with a real broker process, frame by frame.
#include <gmock/gmock.h>
#include <signal.h>

#include "broker_peer.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using protocol::Value;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::vector<std::string> flags{"--redis-url", "none", "--log-level", "debug"};
const SessionId producer{7, 1};
const SessionId worker{7, 2};
const SessionId other_worker{7, 3};

Token token_of(const protocol::Dispatch& dispatch) {
  const protocol::DispatchGroup& group = dispatch.groups.at(0);
  return {group.jobs.at(0).job, group.jobs.at(0).attempt, group.epoch};
}

class Broker : public ::testing::Test {
 protected:
  BrokerPeer peer() { return BrokerPeer(stack_.endpoint()); }
  void kill_and_restart() {
    stack_.broker().signal(SIGKILL);
    stack_.broker().wait();
    stack_.start_broker();
  }

  Stack stack_{flags};
};

TEST_F(Broker, TakesJobsToAWorkerAndTheirEndToWhoWaits) {
  auto client = peer();
  auto node = peer();
  EXPECT_FALSE(client.hello(producer).resumed);
  node.hello_worker(worker);

  const protocol::Accepted accepted = client.submit(1, {"one", "two"});
  ASSERT_THAT(accepted.groups, SizeIs(1));
  EXPECT_EQ(accepted.groups[0].count, 2U);
  EXPECT_EQ(accepted.groups[0].level, Durability::sync);
  EXPECT_FALSE(accepted.groups[0].no_handler);

  const auto dispatch = node.expect<protocol::Dispatch>();
  ASSERT_THAT(dispatch.groups, SizeIs(1));
  const protocol::DispatchGroup& group = dispatch.groups[0];
  EXPECT_EQ(group.queue, "default");
  EXPECT_EQ(protocol::decode_spec(group.spec)->handler, "work");
  ASSERT_THAT(group.jobs, SizeIs(2));
  EXPECT_EQ(group.jobs[0].job, accepted.groups[0].first);
  EXPECT_EQ(group.jobs[0].payload, "one");
  EXPECT_EQ(group.jobs[1].payload, "two");

  client.send(protocol::Join{.request = 2, .queue = "default", .batch = 0, .jobs = {}});
  node.finish(1, group);
  EXPECT_THAT(node.expect<protocol::Acked>().refused, SizeIs(0));
  const auto joined = client.expect<protocol::Joined>();
  EXPECT_EQ(joined.request, 2U);
  EXPECT_EQ(joined.counts.succeeded, 2U);
}

TEST_F(Broker, SaysWhereGarbageIsWrongAndServesOthers) {
  auto stranger = peer();
  stranger.send_raw("\xc1garbage");
  EXPECT_EQ(stranger.expect<protocol::ErrorMessage>().error.code, Code::malformed_frame);

  auto client = peer();
  client.hello(producer);
  client.send_raw("\x92\x14\xa1x");  // a capacity of "x"
  const Error error = client.expect<protocol::ErrorMessage>().error;
  EXPECT_EQ(error.code, Code::malformed_frame);
  EXPECT_THAT(error.field, HasSubstr("deliveries"));
  for (int i = 0; i < 100; ++i) stranger.send_raw("\xc1garbage");
  EXPECT_EQ(client.submit(1, {"a"}).groups[0].count, 1U);
}

TEST_F(Broker, WantsAHelloFirstAndInItsVersion) {
  auto client = peer();
  client.send(protocol::Heartbeat{});
  EXPECT_EQ(client.expect<protocol::ErrorMessage>().error.code, Code::no_session);
  protocol::Hello hello;
  hello.session = producer;
  hello.version = 99;
  client.send(hello);
  EXPECT_EQ(client.expect<protocol::ErrorMessage>().error.code, Code::unsupported_version);
  EXPECT_EQ(client.hello(producer).version, protocol::version);
}

TEST_F(Broker, LetsOnlyWorkersFinish) {
  auto client = peer();
  client.hello(producer);
  client.send(protocol::Finish{.sequence = 1, .succeeded = {}, .reports = {}});
  EXPECT_EQ(client.expect<protocol::ErrorMessage>().error.code, Code::wrong_role);
}

TEST_F(Broker, KeepsAcceptedJobsWhenItIsKilled) {
  {
    auto client = peer();
    client.hello(producer);
    client.submit(1, {"precious"});
  }
  kill_and_restart();
  auto node = peer();
  EXPECT_EQ(node.hello_worker(worker).epoch, 2U);
  const auto dispatch = node.expect<protocol::Dispatch>();
  ASSERT_THAT(dispatch.groups, SizeIs(1));
  EXPECT_EQ(dispatch.groups[0].jobs.at(0).payload, "precious");
  EXPECT_EQ(protocol::decode_spec(dispatch.groups[0].spec)->handler, "work");
}

TEST_F(Broker, DoesNotDoubleASubmissionThatIsRepeatedToItsNextLife) {
  JobId first = 0;
  {
    auto client = peer();
    client.hello(producer);
    first = client.submit(1, {"once"}).groups[0].first;
  }
  kill_and_restart();
  auto client = peer();
  EXPECT_EQ(client.hello(producer).last_sequence, 1U);
  EXPECT_EQ(client.submit(1, {"once"}).groups[0].first, first);
  const auto status = client.request(2, "status");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->find("counts")->u64("ready"), 1U);
}

TEST_F(Broker, KeepsARunningJobForItsWorkerOverARestart) {
  auto client = peer();
  client.hello(producer);
  client.submit(1, {"long"});
  Token token;
  {
    auto node = peer();
    node.hello_worker(worker);
    token = token_of(node.expect<protocol::Dispatch>());
    client.submit(2, {"its sync takes the start along"}, "elsewhere");
    kill_and_restart();
  }
  auto node = peer();
  node.hello_worker(worker, {"default"}, 100, {token});
  node.send(protocol::Finish{
      .sequence = 1, .succeeded = {{token.job, 1, token.attempt, token.epoch}}, .reports = {}});
  EXPECT_THAT(node.expect<protocol::Acked>().refused, SizeIs(0));
}

TEST_F(Broker, SendsAResultAlongToThoseWhoWatch) {
  auto client = peer();
  auto node = peer();
  client.hello(producer);
  node.hello_worker(worker);
  protocol::Submit submit;
  submit.sequence = 1;
  submit.watch = true;
  const std::vector<std::string> payloads{"a", "b"};
  submit.groups = group_of(payloads);
  submit.groups[0].spec.result_inline_max = 10;
  client.send(submit);
  client.expect<protocol::Accepted>();
  const auto dispatch = node.expect<protocol::Dispatch>();
  const auto& jobs = dispatch.groups.at(0).jobs;
  const std::uint32_t epoch = dispatch.groups.at(0).epoch;
  node.send(protocol::Finish{.sequence = 1,
                             .succeeded = {{jobs.at(0).job, 2, 1, epoch}},
                             .reports = {},
                             .results = {{jobs.at(1).job, "second"}, {jobs.at(0).job, "first"}}});
  const auto outcomes = client.expect<protocol::Outcomes>();
  ASSERT_THAT(outcomes.jobs, SizeIs(2));
  EXPECT_EQ(outcomes.jobs[0].result, "first");
  EXPECT_EQ(outcomes.jobs[1].result, "second");
  client.send(protocol::Watch{2, {jobs.at(0).job}});
  EXPECT_EQ(client.expect<protocol::Outcomes>().jobs.at(0).result, std::nullopt);  // it is nowhere
}

TEST_F(Broker, GivesTheJobsOfALostWorkerToAnother) {
  auto client = peer();
  client.hello(producer);
  client.submit(1, {"a", "b"});
  Token token;
  {
    auto node = peer();
    node.hello_worker(worker);
    token = token_of(node.expect<protocol::Dispatch>());
  }
  auto node = peer();
  node.hello_worker(other_worker);
  const auto again = node.expect<protocol::Dispatch>();
  ASSERT_THAT(again.groups.at(0).jobs, SizeIs(2));
  EXPECT_GT(token_of(again).fence(), token.fence());
}

TEST_F(Broker, DispatchesLargePayloadsInSeveralFrames) {
  auto client = peer();
  auto node = peer();
  client.hello(producer);
  node.hello_worker(worker);
  std::vector<std::string> payloads;
  for (char fill = 'a'; fill < 'i'; ++fill) payloads.emplace_back(600'000, fill);
  client.submit(1, payloads);
  std::vector<std::string> received;
  while (received.size() < payloads.size()) {
    const auto dispatch = node.expect<protocol::Dispatch>();
    for (const auto& group : dispatch.groups) {
      for (const auto& job : group.jobs) received.emplace_back(job.payload);
    }
  }
  EXPECT_TRUE(received == payloads);
}

TEST_F(Broker, RefusesAPayloadOverTheLimitAndNothingElse) {
  auto client = peer();
  const protocol::Welcome welcome = client.hello(producer);
  const std::vector<std::string> payloads{std::string(welcome.payload_max + 1, 'x')};
  protocol::Submit submit;
  submit.sequence = 1;
  submit.groups = group_of(payloads);
  client.send(submit);
  const auto refused = client.expect<protocol::ErrorMessage>();
  EXPECT_EQ(refused.error.code, Code::payload_too_large);
  EXPECT_EQ(refused.sequence, 1U);
  EXPECT_EQ(client.submit(2, {"small"}).groups[0].count, 1U);
}

TEST_F(Broker, AnswersVerbsAndExplainsAJob) {
  auto client = peer();
  client.hello(producer, protocol::Role::tool);
  Value mail = Value::map();
  mail.set("queue", "mail").set("mode", "priority").set("maxsize", 5);
  EXPECT_EQ(client.request(1, "queue.configure", mail)->str("mode"), "priority");
  Value pause = Value::map();
  pause.set("queue", "mail").set("who", "ann").set("why", "maintenance");
  EXPECT_EQ(client.request(2, "queue.pause", pause)->str("paused_by"), "ann");
  const JobId job = client.submit(3, {"letter"}, "mail").groups[0].first;

  Value show = Value::map();
  show.set("job", job).set("payload", true);
  const auto shown = client.request(4, "job.show", show);
  EXPECT_EQ(shown->str("state"), "ready");
  EXPECT_EQ(shown->bytes("payload"), "letter");
  EXPECT_THAT(std::string(shown->str("reason").value()), HasSubstr("paused by ann"));
  EXPECT_THAT(std::string(shown->str("reason").value()), HasSubstr("maintenance"));

  Value queue = Value::map();
  queue.set("queue", "mail");
  EXPECT_EQ(client.request(5, "queue.resume", queue)->boolean("paused"), false);
  EXPECT_THAT(std::string(client.request(6, "job.show", show)->str("reason").value()),
              HasSubstr("no connected worker serves queue 'mail'"));
  EXPECT_EQ(client.request(7, "queue.purge", queue)->u64("number"), 1U);
  EXPECT_EQ(client.request(8, "job.show", show)->str("outcome"), "cancelled");
  EXPECT_EQ(client.request(9, "stats")->str("data_dir"), stack_.data_dir());
}

TEST_F(Broker, NamesWhatIsWrongWithAVerb) {
  auto client = peer();
  client.hello(producer, protocol::Role::tool);
  EXPECT_EQ(client.request(1, "queue.explode").error().code, Code::unknown_verb);
  EXPECT_EQ(client.request(2, "queue.show").error().field, "queue");
  Value nobody = Value::map();
  nobody.set("queue", "nobody");
  EXPECT_EQ(client.request(3, "queue.show", nobody).error().code, Code::unknown_queue);
  Value misspelt = Value::map();
  misspelt.set("queu", "mail");
  EXPECT_EQ(client.request(4, "queue.show", misspelt).error().code, Code::unknown_field);
  Value mode = Value::map();
  mode.set("queue", "mail").set("mode", "random");
  EXPECT_THAT(client.request(5, "queue.configure", mode).error().message,
              HasSubstr("fifo, lifo or priority"));
  Value job = Value::map();
  job.set("job", 12345);
  EXPECT_EQ(client.request(6, "job.show", job).error().code, Code::unknown_job);
}

TEST_F(Broker, ShowsTheProgressOfARunningJob) {
  auto client = peer();
  auto node = peer();
  client.hello(producer);
  node.hello_worker(worker);
  client.submit(1, {"long"});
  const Token token = token_of(node.expect<protocol::Dispatch>());
  node.send(protocol::Progress{token, 0.25, "a quarter"});
  EXPECT_TRUE(node.request(1, "status"));  // behind it
  Value show = Value::map();
  show.set("job", token.job);
  const auto shown = client.request(2, "job.show", show);
  EXPECT_EQ(shown->str("worker"), "worker-2");
  ASSERT_NE(shown->find("progress"), nullptr);
  EXPECT_EQ(shown->find("progress")->str("text"), "a quarter");
}

TEST_F(Broker, StopsInOrderOnSigterm) {
  auto client = peer();
  client.hello(producer);
  client.submit(1, {"kept"});
  stack_.broker().signal(SIGTERM);
  client.expect<protocol::Goodbye>();
  EXPECT_EQ(stack_.broker().wait(), 0);
  stack_.start_broker();
  auto again = peer();
  EXPECT_EQ(again.hello(producer).last_sequence, 1U);
}

TEST_F(Broker, HandsASessionOverToItsNewConnection) {
  auto before = peer();
  before.hello(producer);
  auto after = peer();
  EXPECT_TRUE(after.hello(producer).resumed);
  EXPECT_EQ(after.submit(1, {"here"}).groups[0].count, 1U);
  before.send(protocol::Heartbeat{});
  EXPECT_EQ(before.expect<protocol::ErrorMessage>().error.code, Code::no_session);
}

}  // namespace
}  // namespace joinery::testing
