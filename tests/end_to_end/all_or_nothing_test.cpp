// What happens as a whole or not at all, and once, whoever is killed half way: a flow whose submitter dies,
// and the callbacks of batches while the broker dies again and again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tests/support/proxy.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using Json = nlohmann::json;

class AllOrNothing : public StackTest {
 protected:
  AllOrNothing() : StackTest({"--redis-url", "none"}) {}
  Json json(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return Json::parse(say(std::move(arguments)));
  }
  std::uint64_t batches() { return json({"batch", "ls"}).size(); }
  std::uint64_t jobs() { return json({"status"})["counts"]["unfinished"].get<std::uint64_t>(); }
};

// --- a flow whose submitter is killed ---

constexpr std::uint64_t flow_jobs = 5'000;

std::string long_flow() {
  Json all = Json::object();
  for (std::uint64_t i = 0; i < flow_jobs; ++i) {
    Json& job = all["j" + std::to_string(i)];
    job["command"] = {"true"};
    if (i != 0) job["after"] = {"j" + std::to_string(i - 1)};
  }
  return Json{{"jobs", all}}.dump();
}

TEST_F(AllOrNothing, AFlowWhoseSubmitterIsKilledHalfWayIsAcceptedAsAWholeOrNotAtAll) {
  Proxy network(stack.dir() / "network", stack.endpoint().substr(6));
  const auto submit = [&] {
    return std::make_unique<Process>(
        std::vector<std::string>{program("joinery"), "--endpoint", network.endpoint(), "flow", "submit", "-"},
        Process::Options{.environment = {}, .directory = {}, .input = long_flow(), .ready = false});
  };
  EXPECT_EQ(submit()->wait(), 0);
  const std::uint64_t whole = network.passed();
  std::uint64_t accepted = 1;
  for (const std::uint64_t bytes : {whole / 4, whole / 2, whole - 4096, whole - 1}) {
    network.freeze_after(bytes);
    const auto submitter = submit();
    network.wait_until_frozen();
    submitter->signal(SIGKILL);
    submitter->wait();
    network.cut();
    network.heal();
    if (bytes + 1 == whole) ++accepted;  // only its goodbye is not whole
    EXPECT_TRUE(eventually([&] { return batches() == accepted; })) << bytes << " of " << whole;
    EXPECT_EQ(jobs(), accepted * flow_jobs) << bytes << " of " << whole;
  }
  restart_broker();
  EXPECT_EQ(batches(), accepted);
  EXPECT_EQ(jobs(), accepted * flow_jobs);
}

// --- callbacks of batches while the broker is killed ---

class Callbacks : public AllOrNothing {
 protected:
  struct Round {
    std::string batch, on_success, on_finish;
    bool fails = false;
  };

  // Each run leaves a line, in the order in which they run.
  std::vector<std::string> command(std::string word, const std::string& then = "") {
    return {"exec", "--", "sh", "-c", "echo " + std::move(word) + " >> " + (stack.dir() / "marks") + then};
  }
  std::string submit(std::vector<std::string> flags, const std::vector<std::string>& command) {
    flags.insert(flags.begin(), "submit");
    flags.insert(flags.end(), command.begin(), command.end());
    return say(std::move(flags));
  }
  std::vector<std::string> marks() {
    std::ifstream file(stack.dir() / "marks");
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  std::uint64_t marked(const std::string& word) {
    const std::vector<std::string> all = marks();
    return static_cast<std::uint64_t>(std::ranges::count(all, word));
  }

  Round start(const std::string& name, std::uint64_t jobs, bool fails) {
    Round round{.batch = say({"batch", "open", "--hold"}), .on_success = {}, .on_finish = {}, .fails = fails};
    const std::string inner = say({"batch", "open", "--parent", round.batch});
    round.on_success = submit({"--after-batch", round.batch}, command(name + "-success"));
    round.on_finish = submit({"--after-batch", round.batch, "--after-any"}, command(name + "-finish"));
    for (std::uint64_t i = 0; i < jobs; ++i)
      submit({"--batch", i % 2 == 0 ? inner : round.batch, "--attempts", "1"},
             command(name + "-job", fails && i == 1 ? "; exit 1" : ""));
    say({"batch", "close", round.batch});
    return round;
  }

  // A run is repeated only if its delivery was lost with the broker, and then counts as another attempt.
  void expect_once(const std::string& job, const std::string& mark, const std::string& outcome) {
    EXPECT_NE(stack.joinery({"join", job}).status, 3);
    const Json shown = json({"job", "show", job});
    EXPECT_EQ(shown.value("outcome", ""), outcome) << mark;
    const std::uint64_t ran = marked(mark);
    EXPECT_LE(ran, shown.value("attempt", std::uint64_t{0})) << mark;
    EXPECT_EQ(ran == 0, outcome == "cancelled") << mark;
  }
};

TEST_F(Callbacks, OfABatchRunOnceWhenItsLastJobHasEndedHoweverOftenTheBrokerIsKilled) {
  const char* given = std::getenv("JOINERY_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  SCOPED_TRACE("JOINERY_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::uint64_t jobs = 8;
  constexpr int rounds = 4;
  stack.start_worker();
  std::uint64_t callbacks = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string name = "r" + std::to_string(i);
    const Round round = start(name, jobs, i % 2 == 1);
    for (std::uint64_t seen = 1 + random() % 3; seen <= jobs; seen += 1 + random() % 4) {
      EXPECT_TRUE(eventually([&] { return marked(name + "-job") >= seen; }));
      restart_broker();
    }
    expect_once(round.on_finish, name + "-finish", "succeeded");
    expect_once(round.on_success, name + "-success", round.fails ? "cancelled" : "succeeded");
    callbacks += round.fails ? 1 : 2;
    const Json counts = json({"batch", "show", round.batch})["counts"];
    EXPECT_EQ(counts["succeeded"], jobs - (round.fails ? 1 : 0));
    EXPECT_EQ(counts["failed"], round.fails ? 1 : 0);
    const std::vector<std::string> all = marks();
    const auto callback = std::ranges::find(all, name + "-finish");
    EXPECT_EQ(std::find(callback, all.end(), name + "-job"), all.end()) << "a callback ran before a job";
  }
  EXPECT_EQ(json({"status"})["counts"]["succeeded"], rounds * jobs - rounds / 2 + callbacks);
}

}  // namespace
}  // namespace joinery::testing
