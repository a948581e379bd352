// A worker that comes back after its job was given to another, and writes on as if nothing had happened.
#include <gmock/gmock.h>

#include <algorithm>

#include "broker_peer.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using protocol::Value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t far_away_ms = 4'000'000'000'000;
const SessionId producer{8, 1};
const SessionId late_worker{8, 2};
const SessionId worker{8, 3};

Token token_of(const protocol::Dispatch& dispatch) {
  const protocol::DispatchGroup& group = dispatch.groups.at(0);
  return {group.jobs.at(0).job, group.jobs.at(0).attempt, group.epoch};
}

void submit(BrokerPeer& client, std::uint64_t sequence, const std::vector<std::string>& payloads) {
  protocol::Submit submit;
  submit.sequence = sequence;
  submit.watch = true;
  submit.groups = group_of(payloads);
  submit.groups[0].spec.result_inline_max = 10;
  submit.groups[0].columns.key = {"host:a"};
  client.send(submit);
  client.expect<protocol::Accepted>();
}

// Success, with a child and a result.
protocol::Acked finish(BrokerPeer& node, Token token, const std::vector<std::string>& child, Bytes result) {
  protocol::Finish finish;
  finish.sequence = 1;
  finish.reports.push_back({.token = token, .failure = {}, .children = group_of(child, "children")});
  finish.results.push_back({token.job, result});
  node.send(finish);
  // A Revoke may come first.
  for (;;) {
    const protocol::Message said = node.next();
    if (const auto* acked = std::get_if<protocol::Acked>(&said)) return *acked;
  }
}

Value show(BrokerPeer& client, std::uint64_t sequence, const char* verb, const char* what, auto which) {
  Value arguments = Value::map();
  arguments.set(what, which);
  return client.request(sequence, verb, arguments).value();
}

TEST(LateWorker, ProgressHoldFinishResultAndChildAreRefusedWhileTheNextOneRuns) {
  Stack stack({"--redis-url", "none", "--worker-reconnect-grace", "0ms"});
  BrokerPeer client(stack.endpoint()), next(stack.endpoint());
  client.hello(producer);
  Token old;
  {
    BrokerPeer node(stack.endpoint());
    node.hello_worker(late_worker);
    submit(client, 1, {"one"});
    old = token_of(node.expect<protocol::Dispatch>());
  }
  next.hello_worker(worker);
  const Token now = token_of(next.expect<protocol::Dispatch>());
  ASSERT_EQ(now.job, old.job);
  next.send(protocol::Progress{now, 0.75, "of the second"});
  EXPECT_TRUE(next.request(100, "status"));  // behind it

  BrokerPeer late(stack.endpoint());
  late.hello_worker(late_worker, {"other"}, 100, {old});
  late.send(protocol::Progress{old, 0.25, "of the first"});
  late.send(protocol::Hold{old, {"host:a", {}, far_away_ms}});
  EXPECT_THAT(finish(late, old, {"late child"}, "late").refused, ElementsAre(old));
  const Value running = show(client, 2, "job.show", "job", now.job);
  EXPECT_EQ(running.str("state"), "running");
  ASSERT_NE(running.find("progress"), nullptr);
  EXPECT_EQ(running.find("progress")->str("text"), "of the second");

  EXPECT_THAT(finish(next, now, {"child"}, "right").refused, IsEmpty());
  const auto outcome = client.expect<protocol::Outcomes>();
  EXPECT_EQ(outcome.jobs.at(0).outcome, Outcome::succeeded);
  EXPECT_EQ(outcome.jobs.at(0).result, "right");
  EXPECT_EQ(show(client, 3, "queue.show", "queue", "children").find("counts")->i64("ready"), 1);
  submit(client, 4, {"two"});  // its key is not held
  EXPECT_GT(token_of(next.expect<protocol::Dispatch>()).job, now.job);
}

}  // namespace
}  // namespace joinery::testing
