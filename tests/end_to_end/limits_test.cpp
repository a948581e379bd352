// The examples of docs/job-control.md on limits per key, ordering and fairness, run against the real
// programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// Jobs write what they did into a file, line by line.
class Limits : public StackTest {
 protected:
  using StackTest::StackTest;
  std::string submit(std::vector<std::string> flags, const std::string& script) {
    std::vector<std::string> all{"submit"};
    all.insert(all.end(), flags.begin(), flags.end());
    for (const std::string& word : {std::string("exec"), std::string("--"), std::string("sh"),
                                    std::string("-c"), "log=" + log + "; " + script})
      all.push_back(word);
    return say(std::move(all));
  }
  std::vector<std::string> logged() const {
    std::ifstream file(log);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  void join() { EXPECT_EQ(stack.joinery({"join", "--queue", "default"}).status, 0); }

  const std::string log = stack.dir() / "log";
};

// What a handler does that may not run beside another of its key.
const char* const alone = "mkdir $log.d || echo both >> $log; echo ran >> $log; sleep 0.02; rmdir $log.d";

TEST_F(Limits, NoMoreJobsOfAKeyRunAtATimeThanItsConcurrencyOverRestartsOfTheBroker) {
  say({"limit", "set", "host:*", "--concurrency", "1"});
  for (int i = 0; i < 4; ++i) submit({"--key", "tenant:a/host:example.org"}, alone);
  restart_broker();
  EXPECT_THAT(say({"limit", "ls"}), HasSubstr("host:*"));
  stack.start_worker({"--allow-exec", "--processes", "3"});
  for (int i = 0; i < 4; ++i) submit({"--key", "tenant:b/host:example.org"}, alone);
  join();
  EXPECT_EQ(logged(), std::vector<std::string>(8, "ran"));
}

TEST_F(Limits, AShutKeyHoldsBackNoOther) {
  say({"limit", "set", "slow", "--interval", "1h"});
  stack.start_worker();
  submit({"--key", "slow"}, "echo first >> $log");
  const std::string behind = submit({"--key", "slow"}, "echo second >> $log");
  const std::string other = submit({"--key", "quick"}, "echo other >> $log");
  EXPECT_EQ(stack.joinery({"result", other}).status, 0);
  EXPECT_THAT(say({"explain", behind}), HasSubstr("waits for key 'slow' (next slot in "));
  EXPECT_EQ(say({"limit", "rm", "slow"}), "the limit of slow is removed; broker.toml may have one");
  join();
  EXPECT_THAT(logged(), ::testing::UnorderedElementsAre("first", "other", "second"));
}

// Each level by itself, and each path from the outermost one.
TEST_F(Limits, OfAPathHoldForThatPathAndOfALevelWhereverItIs) {
  say({"limit", "set", "tenant:a/host:*", "--interval", "1h"});
  say({"limit", "set", "host:y", "--interval", "1h"});
  stack.start_worker();
  const auto job = [&](const std::string& key) { return submit({"--key", key}, "true"); };
  for (const std::string key : {"tenant:a/host:x", "tenant:b/host:x", "tenant:b/host:y"})
    EXPECT_EQ(stack.joinery({"result", job(key)}).status, 0) << key;
  EXPECT_THAT(say({"explain", job("tenant:a/host:x")}), HasSubstr("waits for key 'tenant:a/host:x'"));
  EXPECT_THAT(say({"explain", job("tenant:c/host:y")}), HasSubstr("waits for key 'host:y'"));
  EXPECT_EQ(stack.joinery({"result", job("tenant:b/host:x")}).status, 0) << "another tenant's";
  EXPECT_EQ(stack.joinery({"result", job("tenant:a/host:z")}).status, 0) << "another host of it";
}

TEST_F(Limits, SoManyOfAKeyStartInATimeAsItsRateAndBurstSay) {
  say({"limit", "set", "api", "--rate", "1/h", "--burst", "3"});
  stack.start_worker();
  for (int i = 0; i < 3; ++i) submit({"--key", "api"}, "echo ran >> $log");
  join();
  const std::string fourth = submit({"--key", "api"}, "echo ran >> $log");
  EXPECT_THAT(say({"explain", fourth}), HasSubstr("waits for key 'api' (next slot in 3"));
  restart_broker();
  EXPECT_TRUE(eventually([&] {
    return say({"explain", fourth}).find("next slot in 3") != std::string::npos;
  })) << "a restart starts nothing early";
  EXPECT_EQ(logged(), std::vector<std::string>(3, "ran"));
  say({"limit", "rm", "api"});
  join();
  EXPECT_EQ(logged().size(), 4U);
}

TEST_F(Limits, OrderedJobsOfAKeyRunOneAfterTheOtherAlsoAcrossRetries) {
  stack.start_worker({"--allow-exec", "--processes", "3"});
  const std::vector<std::string> flags{"--key", "account:7", "--ordered", "--backoff", "fixed:20ms"};
  submit(flags, "echo 1 >> $log; test $(wc -l < $log) -ge 3");
  submit(flags, "echo 2 >> $log");
  submit(flags, "echo 3 >> $log");
  join();
  EXPECT_THAT(logged(), ElementsAre("1", "1", "1", "2", "3"));
}

TEST_F(Limits, TenantsOfAFairQueueTakeTurnsByTheirWeights) {
  say({"queue", "configure", "default", "--fair", "yes"});
  say({"limit", "set", "tenant:gold", "--weight", "2"});
  for (int i = 0; i < 6; ++i) submit({"--key", "tenant:many"}, "echo many >> $log");
  for (int i = 0; i < 4; ++i) submit({"--key", "tenant:gold"}, "echo gold >> $log");
  submit({"--key", "tenant:one"}, "echo one >> $log");
  stack.start_worker({"--allow-exec", "--processes", "1"});
  join();
  const std::vector<std::string> order = logged();
  ASSERT_EQ(order.size(), 11U);
  const std::vector<std::string> begin(order.begin(), order.begin() + 4);
  EXPECT_THAT(begin, ::testing::UnorderedElementsAre("many", "gold", "gold", "one"));
}

TEST_F(Limits, AHandlerSlowsItsKeyDownBeforeTheNextJobOfItStartsAlsoOverARestart) {
  stack.start_worker({"--plugin", POLITE_PLUGIN, "--processes", "2", "--prefetch", "8"});
  say({"limit", "set", "host:*", "--concurrency", "1"});
  for (const std::string key : {"apart", "closed"}) {
    const std::string first = say({"submit", "--key", "host:" + key, key});
    const std::string second = say({"submit", "--key", "host:" + key, key});
    EXPECT_EQ(stack.joinery({"result", first}).status, 0);
    EXPECT_THAT(say({"explain", second}),
                HasSubstr("waits for key 'host:" + key + "' (0 of 1 running; next slot in 3"));
  }
  restart_broker();
  EXPECT_TRUE(eventually([&] {
    return say({"--json", "worker", "ls"}).find("\"connected\":true") != std::string::npos;
  }));
  for (const std::string job : {"2", "4"}) EXPECT_THAT(say({"explain", job}), HasSubstr("next slot in 3"));
  EXPECT_THAT(stack.joinery({"submit", "--wait", "--attempts", "1", "wrong"}).err,
              HasSubstr("key is 'host//'"));
}

// As docs/protocol.md tells it.
TEST_F(Limits, AProgramInAnyLanguageSlowsItsKeyDown) {
  if (std::string(PYTHON_WITH_MSGPACK).empty()) GTEST_SKIP() << "there is no python3 with msgpack";
  std::ofstream(stack.dir() / "polite.py") << R"(import msgpack, os, socket
wire = socket.socket(fileno=3)
unpacker = msgpack.Unpacker(raw=False)
def send(*message):
    wire.sendall(msgpack.packb(message))
send(1, 1, ["polite"], False)
while data := wire.recv(1 << 16):
    unpacker.feed(data)
    for message in unpacker:
        if message[0] == 2:
            for id, attempt, epoch, batch, payload in message[3]:
                send(9, id, "host:x", {"interval_ms": 3600000})
                send(3, [id])
        elif message[0] == 7:
            os._exit(0)
)";
  const std::string config = stack.dir() / "worker.toml";
  std::ofstream(config) << "[handler.polite]\ncommand = [\"" PYTHON_WITH_MSGPACK "\", \""
                        << stack.dir() / "polite.py"
                        << "\"]\n";
  stack.start_worker({"--config", config, "--processes", "1", "--prefetch", "1"});
  say({"limit", "set", "host:*", "--concurrency", "1"});
  const std::string first = say({"submit", "--key", "host:x", "polite"});
  const std::string second = say({"submit", "--key", "host:x", "polite"});
  EXPECT_EQ(stack.joinery({"result", first}).status, 0);
  EXPECT_THAT(say({"explain", second}), HasSubstr("next slot in 3"));
}

TEST_F(Limits, TheQueuesOfAWorkerTakeTurnsByItsWeights) {
  for (int i = 0; i < 4; ++i) submit({"--queue", "urgent"}, "echo urgent >> $log");
  for (int i = 0; i < 2; ++i) submit({"--queue", "default"}, "echo default >> $log");
  stack.start_worker({"--allow-exec", "--processes", "1", "--queues", "urgent,default", "--weights", "2,1"});
  join();
  EXPECT_EQ(stack.joinery({"join", "--queue", "urgent"}).status, 0);
  EXPECT_THAT(logged(), ElementsAre("urgent", "urgent", "default", "urgent", "urgent", "default"));
}

TEST_F(Limits, WithoutWeightsTheFirstQueueOfAWorkerGoesFirst) {
  submit({"--queue", "default"}, "echo default >> $log");
  for (int i = 0; i < 2; ++i) submit({"--queue", "urgent"}, "echo urgent >> $log");
  stack.start_worker({"--allow-exec", "--processes", "1", "--queues", "urgent,default"});
  join();
  EXPECT_THAT(logged(), ElementsAre("urgent", "urgent", "default"));
}

TEST_F(Limits, WeightsThatDoNotFitTheQueuesAreRefused) {
  for (const std::string weights : {"1", "1,0", "1,x"}) {
    Process worker({program("joinery-worker"), "--allow-exec", "--queues", "a,b", "--weights", weights});
    EXPECT_EQ(worker.wait(), 78) << weights;
    EXPECT_THAT(worker.err(), HasSubstr("weights has"));
  }
}

TEST_F(Limits, AWrongLimitIsRefusedByItsField) {
  EXPECT_THAT(stack.joinery({"limit", "set", "a", "--concurrency", "0"}).err, HasSubstr("block for ever"));
  EXPECT_THAT(stack.joinery({"limit", "set", "a", "--rate", "often"}).err, HasSubstr("--rate"));
  EXPECT_THAT(stack.joinery({"limit", "set", "a//b", "--weight", "2"}).err, HasSubstr("KEY is 'a//b'"));
  const Finished unknown = stack.joinery({"limit", "rm", "nothing"});
  EXPECT_EQ(unknown.status, 1) << "as for every other name that is not known";
  EXPECT_THAT(unknown.err, HasSubstr("no limit is set for 'nothing' (unknown_limit)"));
  EXPECT_THAT(stack.joinery({"submit", "--ordered", "exec", "--", "true"}).err, HasSubstr("--key"));
  EXPECT_THAT(stack.joinery({"submit", "--key", "a/b/c/d/e", "exec", "--", "true"}).err, HasSubstr("key"));
}

TEST(LimitsOfTheFile, AreReadAgainOnSighupAndWhatWasSetGoesBeforeThem) {
  const TempDir dir;
  const std::string file = dir / "broker.toml";
  std::ofstream(file) << "[limit.\"host:*\"]\nconcurrency = 2\n";
  Stack stack({"--redis-url", "none", "--config", file});
  const auto limits = [&] { return stack.joinery({"--json", "limit", "ls"}).out; };
  EXPECT_THAT(limits(), HasSubstr("\"concurrency\":2"));
  std::ofstream(file) << "[limit.\"host:*\"]\nrate = \"10/s\"\nburst = 5\n";
  stack.broker().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return limits().find("\"rate\":10") != std::string::npos; }));
  stack.joinery({"limit", "set", "host:*", "--interval", "2s"});
  EXPECT_THAT(stack.joinery({"limit", "ls"}).out, HasSubstr("2s"));
  EXPECT_THAT(limits(), ::testing::Not(HasSubstr("rate")));
  stack.joinery({"limit", "rm", "host:*"});
  EXPECT_THAT(limits(), HasSubstr("\"rate\":10"));
  EXPECT_THAT(stack.joinery({"limit", "rm", "host:*"}).err, HasSubstr("configuration"));
}

}  // namespace
}  // namespace joinery::testing
