// How submits become frames, and answers become ids.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "producer/client/joinery/client.h"
#include "scripted_broker.h"

namespace joinery {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedBroker;

struct ClientSubmit : ::testing::Test {
  ScriptedBroker broker;
  ClientOptions options = [this] {
    ClientOptions these;
    these.endpoint = broker.endpoint();
    return these;
  }();

  static std::vector<std::string> payloads(const protocol::Submit& submit) {
    std::vector<std::string> all;
    for (const Group& group : submit.groups)
      all.insert(all.end(), group.payloads.begin(), group.payloads.end());
    return all;
  }
};

Code code_of(std::future<JobId>& future) {
  try {
    future.get();
  } catch (const ClientError& error) {
    return error.code();
  }
  return Code::ok;
}

TEST_F(ClientSubmit, SaysHelloAndGivesTheIdOfTheAcceptedJob) {
  options.name = "crawler";
  Client client(options);
  const auto hello = broker.welcome();
  EXPECT_EQ(hello.name, "crawler");
  EXPECT_EQ(hello.role, protocol::Role::producer);
  EXPECT_NE(hello.session, SessionId{});
  auto id = client.submit("resize", "cat");
  const auto submit = broker.submit();
  ASSERT_EQ(submit.groups.size(), 1U);
  EXPECT_EQ(submit.groups[0].spec.handler, "resize");
  EXPECT_EQ(submit.groups[0].queue, "default");
  EXPECT_THAT(payloads(submit), ElementsAre("cat"));
  EXPECT_TRUE(submit.park);
  broker.accept(submit);
  EXPECT_EQ(id.get(), 1U);
}

TEST_F(ClientSubmit, CarriesEveryOptionToTheWire) {
  Client client(options);
  broker.welcome();
  SubmitOptions how;
  how.queue = "mail";
  how.spec.attempts = 7;
  how.spec.result_ttl_s = 60;
  how.batch = 9;
  how.delay = milliseconds(1500);
  how.run_at = Wall(milliseconds(1'900'000'000'000));
  how.expires_at = Wall(milliseconds(1'900'000'000'001));
  how.priority = -3;
  how.key = "host:a";
  how.unique_key = "once";
  how.watch = true;
  how.full_timeout = milliseconds(250);
  auto id = client.submit("send", "x", how);
  const auto submit = broker.submit();
  EXPECT_TRUE(submit.watch);
  EXPECT_TRUE(submit.park);
  EXPECT_EQ(submit.timeout_ms, 250U);
  const Group& group = submit.groups.at(0);
  EXPECT_EQ(group.queue, "mail");
  EXPECT_EQ(group.batch, 9U);
  EXPECT_EQ(group.spec.attempts, 7U);
  EXPECT_EQ(group.spec.result_ttl_s, 60U);
  EXPECT_THAT(group.columns.delay_ms, ElementsAre(1500U));
  EXPECT_THAT(group.columns.run_at_ms, ElementsAre(1'900'000'000'000));
  EXPECT_THAT(group.columns.expires_at_ms, ElementsAre(1'900'000'000'001));
  EXPECT_THAT(group.columns.priority, ElementsAre(-3));
  EXPECT_THAT(group.columns.key, ElementsAre("host:a"));
  EXPECT_THAT(group.columns.unique_key, ElementsAre("once"));
  broker.accept(submit);
  id.get();
}

// Keeps as many frames of the queue unanswered as may be, so that what follows is gathered.
std::vector<protocol::Submit> fill_line(ScriptedBroker& broker, Client& client,
                                        const std::string& queue = "default") {
  std::vector<protocol::Submit> under_way;
  SubmitOptions how;
  how.queue = queue;
  for (int i = 0; i < 4; ++i) {
    client.submit("fill", "x", how, {});
    under_way.push_back(broker.submit());
  }
  return under_way;
}

TEST_F(ClientSubmit, GathersJobsInTheNextFrameWhileOthersAreUnderWay) {
  Client client(options);
  broker.welcome();
  const auto under_way = fill_line(broker, client);
  std::vector<std::future<JobId>> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client.submit("work", std::to_string(i)));
  EXPECT_TRUE(broker.quiet());
  broker.accept(under_way[0]);
  const auto submit = broker.submit();
  ASSERT_EQ(submit.groups.size(), 1U) << "equal options are one group";
  ASSERT_EQ(submit.groups[0].payloads.size(), 100U);
  EXPECT_EQ(submit.groups[0].payloads[42], "42");
  EXPECT_EQ(submit.confirmed, under_way[1].sequence - 1);
  broker.accept(submit);
  const JobId first = ids[0].get();
  for (std::size_t i = 1; i < 100; ++i) EXPECT_EQ(ids[i].get(), first + i);
  for (std::size_t i = 1; i < 4; ++i) broker.accept(under_way[i]);
}

TEST_F(ClientSubmit, JobsOfOneGroupMayDifferInKeyAndPriority) {
  Client client(options);
  broker.welcome();
  const auto under_way = fill_line(broker, client);
  client.submit("work", "plain", {}, {});
  SubmitOptions keyed;
  keyed.key = "host:a";
  keyed.priority = 5;
  client.submit("work", "keyed", keyed, {});
  client.submit("work", "plain", {}, {});
  for (const auto& each : under_way) broker.accept(each);
  const auto submit = broker.submit();
  ASSERT_EQ(submit.groups.size(), 1U);
  EXPECT_THAT(submit.groups[0].columns.key, ElementsAre("", "host:a", ""));
  EXPECT_THAT(submit.groups[0].columns.priority, ElementsAre(0, 5, 0));
  broker.accept(submit);
}

TEST_F(ClientSubmit, AFullFrameDoesNotWait) {
  options.frame_jobs = 10;
  Client client(options);
  broker.welcome();
  auto under_way = fill_line(broker, client);
  for (int i = 0; i < 25; ++i) client.submit("work", "x", {}, {});
  for (int i = 0; i < 2; ++i) {
    under_way.push_back(broker.submit());
    EXPECT_EQ(payloads(under_way.back()).size(), 10U);
  }
  EXPECT_TRUE(broker.quiet());
  for (const auto& each : under_way) broker.accept(each);
  const auto rest = broker.submit();
  EXPECT_EQ(payloads(rest).size(), 5U);
  broker.accept(rest);
}

TEST_F(ClientSubmit, AFullQueueHoldsUpNoOther) {
  Client client(options);
  broker.welcome();
  auto parked = fill_line(broker, client, "full");
  SubmitOptions full;
  full.queue = "full";
  client.submit("work", "waits", full, {});
  auto other = client.submit("work", "goes");
  const auto submit = broker.submit();
  EXPECT_THAT(payloads(submit), ElementsAre("goes"));
  broker.accept(submit);
  other.get();
  for (const auto& each : parked) broker.accept(each);
  broker.accept(broker.submit());
}

TEST_F(ClientSubmit, OptionsOfTheWholeFrameKeepTheOrder) {
  Client client(options);
  broker.welcome();
  const auto under_way = fill_line(broker, client);
  SubmitOptions watched;
  watched.watch = true;
  client.submit("work", "1", {}, {});
  client.submit("work", "2", watched, {});
  client.submit("work", "3", {}, {});
  std::vector<std::string> order;
  for (int i = 0; i < 2; ++i) {  // frames that can take no more jobs do not wait
    const auto submit = broker.submit();
    EXPECT_EQ(submit.watch, i == 1);
    order.push_back(payloads(submit).at(0));
    broker.accept(submit);
  }
  for (const auto& each : under_way) broker.accept(each);
  const auto last = broker.submit();
  order.push_back(payloads(last).at(0));
  broker.accept(last);
  EXPECT_THAT(order, ElementsAre("1", "2", "3"));
}

TEST_F(ClientSubmit, ARefusalOfOneIsNotThatOfItsNeighbours) {
  Client client(options);
  broker.welcome();
  const auto under_way = fill_line(broker, client);
  SubmitOptions impatient;
  impatient.refuse_when_full = true;
  auto first = client.submit("work", "1", impatient);
  auto second = client.submit("work", "2", impatient);
  for (const auto& each : under_way) broker.accept(each);
  const auto submit = broker.submit();
  EXPECT_FALSE(submit.park);
  ASSERT_EQ(submit.groups.size(), 2U);
  protocol::Accepted answer;
  answer.sequence = submit.sequence;
  answer.groups.push_back({70, 1, Durability::sync, false, {}});
  answer.groups.push_back({0, 0, Durability::sync, false, Error{Code::queue_full, "default is full", ""}});
  broker.send(answer);
  EXPECT_EQ(first.get(), 70U);
  EXPECT_EQ(code_of(second), Code::queue_full);
}

TEST_F(ClientSubmit, AWrongArgumentIsToldAtOnceAndNotSent) {
  Client client(options);
  broker.welcome();
  SubmitOptions bad;
  bad.queue = "";
  auto no_queue = client.submit("work", "x", bad);
  EXPECT_EQ(code_of(no_queue), Code::invalid_argument);
  bad = {};
  bad.spec.attempts = 0;
  auto no_attempts = client.submit("work", "x", bad);
  EXPECT_EQ(code_of(no_attempts), Code::invalid_argument);
  auto no_handler = client.submit("", "x");
  EXPECT_EQ(code_of(no_handler), Code::invalid_argument);
  bad = {};
  bad.delay = milliseconds(-1);
  auto negative = client.submit("work", "x", bad);
  EXPECT_EQ(code_of(negative), Code::invalid_argument);
  EXPECT_TRUE(broker.quiet());
}

TEST_F(ClientSubmit, APayloadLargerThanTheBrokerTakesIsRefused) {
  Client client(options);
  protocol::Welcome small;
  small.payload_max = 10;
  std::thread connecting([&] { client.connect(); });
  broker.welcome(small);
  connecting.join();
  auto large = client.submit("work", std::string(11, 'x'));
  EXPECT_EQ(code_of(large), Code::payload_too_large);
}

TEST_F(ClientSubmit, AFrameLargerThanTheBrokerTakesIsRefusedInsteadOfSent) {
  Client client(options);
  const std::string payload(600, 'x');
  auto before = client.submit_many("work", {payload, payload});  // the limit is not known yet
  protocol::Welcome small;
  small.frame_max = 1000;
  broker.welcome(small);
  EXPECT_EQ(code_of(before), Code::frame_too_large);
  auto after = client.submit_many("work", {payload, payload});
  EXPECT_EQ(code_of(after), Code::frame_too_large);
  auto small_enough = client.submit("work", payload);
  broker.accept(broker.submit());
  small_enough.get();
}

TEST_F(ClientSubmit, ManyJobsAreOneGroupWithConsecutiveIds) {
  Client client(options);
  broker.welcome();
  SubmitOptions how;
  how.priority = 2;
  auto first = client.submit_many("work", {"a", "b", "c"}, how);
  const auto submit = broker.submit();
  EXPECT_THAT(payloads(submit), ElementsAre("a", "b", "c"));
  EXPECT_THAT(submit.groups.at(0).columns.priority, ElementsAre(2, 2, 2));
  broker.accept(submit);
  EXPECT_EQ(first.get(), 1U);
  auto none = client.submit_many("work", {});
  EXPECT_EQ(code_of(none), Code::invalid_argument);
}

TEST_F(ClientSubmit, BlocksWhileTheWindowIsFull) {
  options.window_jobs = 3;
  Client client(options);
  broker.welcome();
  for (int i = 0; i < 3; ++i) client.submit("work", "x", {}, {});
  std::atomic<bool> passed = false;
  std::thread fourth([&] {
    client.submit("work", "fourth", {}, {});
    passed = true;
  });
  std::vector<protocol::Submit> got;
  std::size_t jobs = 0;
  while (jobs < 3) jobs += payloads(got.emplace_back(broker.submit())).size();
  EXPECT_TRUE(broker.quiet());
  EXPECT_FALSE(passed);
  broker.accept(got[0]);
  const auto last = broker.submit();
  EXPECT_THAT(payloads(last), ElementsAre("fourth"));
  fourth.join();
  for (std::size_t i = 1; i < got.size(); ++i) broker.accept(got[i]);
  broker.accept(last);
}

TEST_F(ClientSubmit, ACallbackMaySubmit) {
  options.window_jobs = 1;
  Client client(options);
  broker.welcome();
  std::promise<JobId> second;
  client.submit("work", "1", {}, [&](const Result<JobId>&) {
    client.submit("work", "2", {}, [&](const Result<JobId>& job) { second.set_value(*job); });
  });
  broker.accept(broker.submit());
  broker.accept(broker.submit());
  EXPECT_EQ(second.get_future().get(), 2U);
}

TEST_F(ClientSubmit, FlushWaitsForAllAndThrowsTheFirstError) {
  Client client(options);
  broker.welcome();
  client.submit("work", "1", {}, {});
  client.submit("work", "2", {}, {});
  auto flushed = std::async(std::launch::async, [&] { client.flush(); });
  std::size_t jobs = 0;
  while (jobs < 2) {
    const auto submit = broker.submit();
    jobs += payloads(submit).size();
    protocol::Accepted answer;
    answer.sequence = submit.sequence;
    answer.groups.resize(submit.groups.size());
    answer.groups[0].error = Error{Code::disk_full, "no room", ""};
    EXPECT_EQ(flushed.wait_for(milliseconds(0)), std::future_status::timeout);
    broker.send(answer);
  }
  EXPECT_THROW(flushed.get(), ClientError);
  client.flush();  // the error was told
}

TEST_F(ClientSubmit, TellsOnceThatNobodyHasTheHandler) {
  std::vector<std::string> told;
  options.on_no_handler = [&](const std::string& handler, const std::string& queue) {
    told.push_back(handler + "@" + queue);
  };
  Client client(options);
  broker.welcome();
  for (int i = 0; i < 2; ++i) {
    auto id = client.submit("nobody", "x");
    protocol::Accepted answer;
    answer.sequence = broker.submit().sequence;
    answer.groups.push_back({static_cast<JobId>(i + 1), 1, Durability::sync, true, {}});
    broker.send(answer);
    id.get();
  }
  EXPECT_THAT(told, ElementsAre("nobody@default"));
}

TEST_F(ClientSubmit, ManyThreadsLoseNothing) {
  Client client(options);
  broker.welcome();
  constexpr int threads = 4;
  constexpr int each = 5000;
  std::atomic<int> accepted = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        client.submit("work", "x", {}, [&](const Result<JobId>& job) { accepted += job ? 1 : 0; });
      }
    });
  }
  for (std::size_t jobs = 0; jobs < threads * each;) {
    const auto submit = broker.submit();
    jobs += payloads(submit).size();
    broker.accept(submit);
  }
  for (auto& caller : callers) caller.join();
  client.flush();
  EXPECT_EQ(accepted, threads * each);
}

}  // namespace
}  // namespace joinery
