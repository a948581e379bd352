// The supervisor as a program, with real pool processes, against a broker that the test plays.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <map>

#include "scripted_broker.h"
#include "shared/protocol/value.h"
#include "shared/results/results.h"
#include "tests/support/redis_server.h"

namespace joinery::worker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = Report::Kind;

class SupervisorTest : public ::testing::Test {
 protected:
  testing::Process& start(std::vector<std::string> flags = {"--processes", "1"}) {
    std::vector<std::string> argv{SUPERVISOR_SUBJECT, "--endpoint", broker.endpoint()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    worker = std::make_unique<testing::Process>(std::move(argv));
    return *worker;
  }
  int stop() {
    worker->signal(SIGTERM);
    broker.next<protocol::Goodbye>();
    return worker->wait();
  }

  ScriptedBroker broker;
  std::unique_ptr<testing::Process> worker;
};

TEST_F(SupervisorTest, SaysWhatItCanDoAndRunsWhatItIsGiven) {
  start({"--processes", "2", "--name", "w", "--queues", "a", "--queues", "b"});
  const auto hello = broker.welcome();
  EXPECT_EQ(hello.name, "w");
  EXPECT_THAT(hello.queues, ElementsAre("a", "b"));
  EXPECT_THAT(hello.handlers, Contains("echo"));
  EXPECT_EQ(hello.processes, 2);
  EXPECT_GE(hello.capacity, 2);
  broker.dispatch("noop", 1, 100);
  broker.succeeded(100);
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, SaysGoodbyeAlsoIfItIsToldToStopBeforeItsWelcomeCame) {
  start();
  broker.next<protocol::Hello>();
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, ManyJobsGoThroughInRuns) {
  start({"--processes", "2"});
  broker.welcome();
  constexpr std::uint32_t frames = 50;
  constexpr std::uint32_t jobs = 2000;
  for (std::uint32_t i = 0; i < frames; ++i) broker.dispatch("noop", 1 + i * jobs, jobs);
  broker.succeeded(frames * jobs);
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, AFailureSaysWhatAndWhere) {
  start({"--processes", "1", "--name", "here"});
  broker.welcome();
  broker.dispatch("throw", 1);
  const Report report = broker.report();
  EXPECT_EQ(report.kind, Kind::failed);
  EXPECT_EQ(report.failure.message, "on purpose");
  EXPECT_THAT(report.failure.where, HasSubstr("here pid "));
}

TEST_F(SupervisorTest, ACrashIsKnownAtOnceWithItsDossierAndTheNextJobRuns) {
  start();
  broker.welcome();
  broker.dispatch("crash", 1);
  const Report report = broker.report();
  EXPECT_EQ(report.kind, Kind::crashed);
  EXPECT_THAT(report.failure.message, HasSubstr("signal 11"));
  const auto dossier = protocol::decode_map(report.failure.dossier);
  ASSERT_TRUE(dossier.has_value());
  EXPECT_EQ(dossier->u64("signal").value_or(0), 11);
  EXPECT_THAT(std::string(dossier->str("stderr").value_or("")), HasSubstr("about to crash"));
  EXPECT_GT(dossier->u64("peak_memory_bytes").value_or(0), 100'000);
  broker.dispatch("noop", 2);
  broker.succeeded(1);
}

TEST_F(SupervisorTest, AKilledPoolProcessCostsOnlyWhatItRan) {
  start({"--processes", "1", "--prefetch", "4"});
  broker.welcome();
  broker.dispatch("stay", 1);
  const pid_t process = broker.stays();
  broker.dispatch("noop", 2, 3);
  ASSERT_TRUE(testing::eventually([&] { return ::kill(process, SIGKILL) == 0; }));
  std::map<JobId, Kind> ended;
  while (ended.size() < 4) {
    for (const auto& report : broker.finish().reports) ended[report.token.job] = report.kind;
    if (ended.size() == 1) break;  // the others were not fed yet, and run
  }
  EXPECT_EQ(ended[1], Kind::crashed);
  ended.erase(1);
  for (const auto& [job, kind] : ended) EXPECT_EQ(kind, Kind::released) << job;
}

TEST_F(SupervisorTest, TheHardLimitKills) {
  start();
  broker.welcome();
  Spec spec;
  spec.handler = "stay";
  spec.hard_timeout_ms = 50;
  broker.dispatch(spec, 1);
  const Report report = broker.report();
  EXPECT_EQ(report.kind, Kind::failed);
  EXPECT_EQ(report.failure.code, Code::hard_time_limit);
}

TEST_F(SupervisorTest, ARevokedJobIsKilledAfterTheGraceAndAPoliteOneStops) {
  start();
  broker.welcome();
  broker.dispatch("stay", 1);
  broker.stays();
  broker.send(protocol::Revoke{{{1, 1, 1}}, Code::cancelled, 20});
  EXPECT_EQ(broker.report().kind, Kind::cancelled);
  broker.dispatch("stay", 2, 1, "polite");
  broker.stays();
  broker.send(protocol::Revoke{{{2, 1, 1}}, Code::cancelled, 60'000});
  const auto finish = broker.finish();
  EXPECT_EQ(finish.reports.size() + finish.succeeded.size(), 1);
}

TEST_F(SupervisorTest, ChildrenComeWithTheFinish) {
  start();
  broker.welcome();
  broker.dispatch("children", 1, 1, "for the child");
  const auto finish = broker.finish();
  ASSERT_THAT(finish.reports, SizeIs(1));
  EXPECT_EQ(finish.reports[0].kind, Kind::succeeded);
  ASSERT_THAT(finish.reports[0].children, SizeIs(1));
  EXPECT_EQ(finish.reports[0].children[0].queue, "elsewhere");
  EXPECT_THAT(finish.reports[0].children[0].payloads, ElementsAre("for the child"));
}

TEST_F(SupervisorTest, ChildrenThatFitInNoFrameFailTheirJobAndNothingElse) {
  start();
  broker.welcome();
  broker.dispatch("many_bytes", 1);
  const Report report = broker.report();
  EXPECT_EQ(report.token.job, 1);
  EXPECT_THAT(report.children, SizeIs(0));
  EXPECT_NE(report.kind, Kind::succeeded);
  broker.dispatch("noop", 2);
  broker.succeeded(1);
}

TEST_F(SupervisorTest, AResultIsInRedisBeforeTheFinish) {
  testing::RedisServer redis;
  start();
  broker.welcome(redis.url_text());
  Spec spec;
  spec.handler = "echo";
  spec.result_ttl_s = 60;
  broker.dispatch(spec, 7, 1, "kept");
  broker.finish();
  redis::Client client(redis.url());
  const JobId job = 7;
  const auto stored = results::read(client, {1, 2}, std::span(&job, 1));
  ASSERT_TRUE(stored.has_value() && (*stored)[0]);
  EXPECT_EQ((*stored)[0]->value, "kept");
  EXPECT_EQ((*stored)[0]->token, (Token{7, 1, 1}));
}

TEST_F(SupervisorTest, ASmallResultComesWithTheFinish) {
  start();
  broker.welcome();
  Spec spec;
  spec.handler = "echo";
  spec.result_ttl_s = 60;
  spec.result_inline_max = 100;
  broker.dispatch(spec, 7, 1, "small");
  const auto finish = broker.finish();
  EXPECT_THAT(finish.succeeded, ElementsAre(protocol::RunOf{7, 1, 1, 1}));
  ASSERT_EQ(finish.results.size(), 1U);
  EXPECT_EQ(finish.results[0].job, 7U);
  EXPECT_EQ(finish.results[0].value, "small");
}

TEST_F(SupervisorTest, WhileRedisIsAwayOnlyJobsThatKeepAResultWait) {
  testing::RedisServer redis;
  start();
  broker.welcome(redis.url_text());
  redis.kill();
  Spec spec;
  spec.handler = "echo";
  spec.result_ttl_s = 60;
  broker.dispatch(spec, 1, 1, "kept");
  broker.dispatch("noop", 2);
  const auto first = broker.finish();
  EXPECT_THAT(first.succeeded, ElementsAre(protocol::RunOf{2, 1, 1, 1}));
  redis.start();
  EXPECT_EQ(broker.report().token.job, 1);
}

TEST_F(SupervisorTest, AfterABrokerRestartItResumesWithWhatItHoldsAndRepeatsWhatWasNotAcknowledged) {
  start({"--processes", "2"});
  const auto before = broker.welcome();
  broker.dispatch("stay", 1, 1, "polite");
  broker.stays();
  broker.dispatch("noop", 2);
  const auto finish = broker.finish(false);
  broker.stop();
  broker.start();
  const auto after = broker.welcome({}, true);
  EXPECT_EQ(after.session, before.session);
  EXPECT_THAT(after.held, ::testing::UnorderedElementsAre(Token{1, 1, 1}, Token{2, 1, 1}));
  const auto again = broker.finish();
  EXPECT_EQ(again.sequence, finish.sequence);
  EXPECT_EQ(again.succeeded, finish.succeeded);
}

TEST_F(SupervisorTest, WhileRedisIsAwayNoMoreJobsAreTakenThanTheirResultsHaveRoom) {
  testing::RedisServer redis;
  start();
  broker.welcome(redis.url_text());
  redis.freeze();
  Spec spec;
  spec.handler = "echo";
  spec.result_ttl_s = 60;
  const Buffer large(std::size_t{8} << 20U, 'x');
  for (JobId job = 1; job <= 9; ++job) broker.dispatch(spec, job, 1, large);
  while (broker.next<protocol::Capacity>().deliveries != 0) {
  }
  redis.thaw();
  while (broker.next<protocol::Capacity>().deliveries == 0) {
  }
}

TEST_F(SupervisorTest, ADrainHandsBackWhatHasNotStartedAndWaitsForTheRest) {
  start({"--processes", "1", "--prefetch", "1"});
  broker.welcome();
  broker.dispatch("stay", 1, 1, "polite");
  broker.stays();
  broker.dispatch("noop", 2, 2);
  broker.send(protocol::Heartbeat{});
  worker->signal(SIGTERM);
  std::map<JobId, Kind> ended;
  while (ended.size() < 2) {
    for (const auto& report : broker.finish().reports) ended[report.token.job] = report.kind;
  }
  EXPECT_EQ(ended[2], Kind::released);
  EXPECT_EQ(ended[3], Kind::released);
  broker.send(protocol::Revoke{{{1, 1, 1}}, Code::cancelled, 60'000});
  broker.finish();
  broker.next<protocol::Goodbye>();
  EXPECT_EQ(worker->wait(), 0);
}

// GNU timeout signals the process, and then its group.
TEST_F(SupervisorTest, SignalsOfOneMomentAreOne) {
  start({"--processes", "1"});
  broker.welcome();
  broker.dispatch("stay", 1, 1, "polite");
  broker.stays();
  worker->signal(SIGTERM);
  worker->signal(SIGINT);
  broker.next<protocol::Capacity>();
  broker.send(protocol::Revoke{{{1, 1, 1}}, Code::cancelled, 60'000});
  broker.finish();
  broker.next<protocol::Goodbye>();
  EXPECT_EQ(worker->wait(), 0);
  EXPECT_THAT(worker->err(), ::testing::Not(::testing::HasSubstr("stopping at once")));
}

TEST_F(SupervisorTest, ASecondSignalHandsBackWhatRunsToo) {
  start();
  broker.welcome();
  broker.dispatch("stay", 1);
  broker.stays();
  worker->signal(SIGTERM);
  broker.next<protocol::Capacity>();
  EXPECT_TRUE(testing::eventually([&] {
    worker->signal(SIGTERM);
    return worker->err().find("stopping at once") != std::string::npos;
  }));
  EXPECT_EQ(broker.report().kind, Kind::released);
  broker.next<protocol::Goodbye>();
  EXPECT_EQ(worker->wait(), 0);
}

TEST_F(SupervisorTest, NoPoolProcessOutlivesItsSupervisor) {
  start();
  broker.welcome();
  broker.dispatch("stay", 1);
  const pid_t process = broker.stays();
  worker->signal(SIGKILL);
  worker->wait();
  EXPECT_TRUE(testing::eventually([&] { return ::kill(process, 0) != 0; }));
}

TEST_F(SupervisorTest, AProcessIsReplacedAfterItsJobs) {
  start({"--processes", "1", "--max-jobs-per-process", "2"});
  broker.welcome();
  broker.dispatch("noop", 1, 7);
  broker.succeeded(7);
}

TEST_F(SupervisorTest, AFinishThatTheBrokerRefusesIsGivenUpAndItsJobsAreNotHeldAnyMore) {
  start();
  broker.welcome();
  broker.dispatch("noop", 1);
  const auto refused = broker.finish(false);
  broker.send(protocol::ErrorMessage{refused.sequence, Error{Code::malformed_frame, "no", {}}});
  EXPECT_THAT(broker.welcome({}, true).held, SizeIs(0));
  broker.dispatch("noop", 2);
  EXPECT_EQ(broker.finish().succeeded.at(0).first, 2U);
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, ABurstEndsWhenNothingIsReady) {
  start({"--processes", "1", "--burst"});
  broker.welcome();
  broker.dispatch("noop", 1, 3);
  broker.succeeded(3);
  const auto request = broker.next<protocol::Request>();
  EXPECT_EQ(request.verb, "queue.show");
  auto counts = protocol::Value::map();
  counts.set("ready", 0);
  auto queue = protocol::Value::map();
  queue.set("counts", std::move(counts));
  const Buffer raw = protocol::encode(queue);
  broker.send(protocol::Reply{request.sequence, raw});
  broker.next<protocol::Goodbye>();
  EXPECT_EQ(worker->wait(), 0);
}

TEST_F(SupervisorTest, APoolThatCannotBeStartedIsAnErrorThatNamesIt) {
  const std::string file = broker.dir() / "worker.toml";
  std::ofstream(file) << "[handler.gone]\ncommand = [\"/no/such/program\"]\n";
  start({"--processes", "1", "--config", file});
  broker.welcome();  // the built-in pool works
  broker.dispatch("noop", 1);
  broker.succeeded(1);
  EXPECT_EQ(stop(), 0);
  EXPECT_THAT(worker->err(), HasSubstr("handler.gone: start_failed"));
  EXPECT_THAT(worker->err(), HasSubstr("cannot execute /no/such/program"));
}

TEST_F(SupervisorTest, AProgramThatSaysSomethingElseThanTheProtocolIsNamedOncePerProcess) {
  const std::string file = broker.dir() / "worker.toml";
  std::ofstream(file) << "[handler.chatty]\ncommand = [\"sh\", \"-c\", \"echo hello >&3; exec sleep 60\"]\n";
  start({"--processes", "1", "--config", file});
  broker.welcome();
  EXPECT_EQ(stop(), 0);
  const std::string log = worker->err();
  const std::size_t first = log.find("pool process ");
  ASSERT_NE(first, std::string::npos) << log;
  const std::string name = log.substr(first, log.find(':', first) - first);
  EXPECT_EQ(log.find(name, first + 1), std::string::npos) << log;
}

TEST_F(SupervisorTest, ACommandOfOneTextWithSpacesIsRefusedWithTheArrayThatWasMeant) {
  const std::string file = broker.dir() / "worker.toml";
  std::ofstream(file) << "[handler.resize]\ncommand = \"python3 resize.py\"\n";
  start({"--config", file});
  EXPECT_EQ(worker->wait(), 78);
  EXPECT_THAT(worker->err(), HasSubstr("command = [\"python3\", \"resize.py\"]"));
}

TEST_F(SupervisorTest, APlugInThatCannotBeLoadedEndsTheWorkerAtOnceAndIsNamedOnce) {
  const std::string file = broker.dir() / "broken.so";
  std::ofstream(file) << std::string(4096, 'x');
  start({"--processes", "4", "--plugin", file});
  EXPECT_EQ(worker->wait(), 78);
  const std::string log = worker->err();
  const std::size_t first = log.find("broken.so: invalid ELF header");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("invalid ELF header", first + 20), std::string::npos) << log;
}

}  // namespace
}  // namespace joinery::worker
