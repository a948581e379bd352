// joinery bench with tiny sizes: that every scenario runs and says what it measured, never how fast it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

class Bench : public ::testing::Test {
 protected:
  Finished bench(std::vector<std::string> arguments) {
    std::vector<std::string> argv{program("joinery"), "--json", "bench"};
    const bool own_dir = std::ranges::find(arguments, "--dir") != arguments.end();
    if (!own_dir) argv.insert(argv.end(), {"--dir", dir.path()});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(std::move(argv));
  }
  // What it said, when it went well and left nothing.
  Json said_of(std::vector<std::string> arguments) {
    const Finished finished = bench(std::move(arguments));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "left in --dir";
    return finished.status == 0 ? Json::parse(finished.out) : Json{{"rows", Json::array()}};
  }
  Json rows_of(std::vector<std::string> arguments, const std::string& jobs = "2000") {
    if (!jobs.empty()) arguments.insert(arguments.end(), {"--jobs", jobs});
    arguments.insert(arguments.end(), {"--processes", "1"});
    const Json said = said_of(std::move(arguments));
    if (!said.contains("machine")) return said["rows"];
    for (const char* name : {"fdatasync_us", "round_trip_us", "disk_bytes_per_s", "loopback_bytes_per_s"})
      EXPECT_GT(said["machine"][name].get<double>(), 0) << name;
    return said["rows"];
  }
  static void expect_fields(const Json& row, const std::vector<std::string>& names) {
    for (const std::string& name : names) EXPECT_TRUE(row.contains(name)) << name << " in " << row;
  }

  // In the middle of a scenario, with a broker and a worker of its own.
  std::unique_ptr<Process> under_way(std::vector<std::string> arguments) {
    std::vector<std::string> argv{program("joinery"), "bench", "--dir", dir.path()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto process = std::make_unique<Process>(std::move(argv));
    EXPECT_TRUE(eventually([&] { return children_of(process->pid()).size() == 2; })) << process->err();
    return process;
  }

  TempDir dir;
};

std::string name_of(pid_t process) {
  std::string name;
  std::ifstream(std::filesystem::path("/proc") / std::to_string(process) / "comm") >> name;
  return name;
}

bool kill_child(pid_t parent, const std::string& name) {
  for (const pid_t child : children_of(parent))
    if (name_of(child) == name) return ::kill(child, SIGKILL) == 0;
  return false;  // it has not become that program yet
}

const std::vector<std::string> of_a_pass{"scenario",      "durability",       "payload",
                                         "batch",         "window",           "processes",
                                         "jobs",          "jobs_per_s",       "client_us",
                                         "broker_us",     "broker_rss_bytes", "journal_bytes_per_job",
                                         "syncs_per_job", "cpu_us",           "rss_bytes_per_job",
                                         "mode",          "transport",        "queues",
                                         "keys"};
const std::vector<std::string> of_times{"latency", "p50_us", "p99_us", "p999_us"};

TEST_F(Bench, SaysOfAFloodWhatAJobCostsInEachPart) {
  const Json rows = rows_of({"flood", "single", "put", "drain"});
  ASSERT_EQ(rows.size(), 4);
  for (const Json& row : rows) {
    expect_fields(row, of_a_pass);
    EXPECT_EQ(row["jobs"], 2000);
    EXPECT_GT(row["journal_bytes_per_job"].get<double>(), row["scenario"] == "drain" ? 0 : 100);
  }
  expect_fields(rows[0], {"supervisor_us", "pool_us"});
  expect_fields(rows[0], of_times);
  EXPECT_EQ(rows[2]["processes"], 0) << "put has no worker";
}

TEST_F(Bench, TellsTheTimesOfSingleCallsAndOfALoad) {
  const Json rows = rows_of({"idle", "load", "--rate", "2000", "--seconds", "1"}, "100");
  ASSERT_EQ(rows.size(), 6);
  for (const Json& row : rows) expect_fields(row, of_times);
  for (const int whole : {0, 2, 3}) expect_fields(rows[whole], of_a_pass);
  EXPECT_EQ(rows[3]["latency"], "start");
  EXPECT_EQ(rows[3]["jobs"], 2000) << "a constant rate is that of the flag";
}

TEST_F(Bench, SubmitsNoMoreThanASmallRateSays) {
  const Json rows = said_of({"load", "--rate", "30", "--seconds", "1"})["rows"];
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0]["jobs"], 30);
  EXPECT_LT(rows[0]["journal_bytes_per_job"].get<double>(), 1000) << "that of thirty jobs, not of thousands";
}

TEST_F(Bench, LooksAtWhatIsUsedWhenNothingHappens) {
  const Json rows = said_of({"rest", "--seconds", "1"})["rows"];
  ASSERT_EQ(rows.size(), 1);
  expect_fields(rows[0], {"broker_cpu_percent", "worker_cpu_percent"});
}

TEST_F(Bench, RunsWithResultsAndWithEachPayload) {
  const Json rows = rows_of({"results", "payloads"}, "100");
  ASSERT_EQ(rows.size(), 6);
  for (const Json& row : rows) expect_fields(row, of_a_pass);
  EXPECT_EQ(rows[5]["payload"], 1'000'000);
  expect_fields(rows[5], {"mb_per_s"});
}

TEST_F(Bench, ComparesManyQueuesKeysAndClientsWithOne) {
  const Json rows =
      rows_of({"queues", "keys", "clients", "--queues", "150", "--keys", "50", "--clients", "20"});
  ASSERT_EQ(rows.size(), 7);
  for (const Json& row : rows) expect_fields(row, of_a_pass);
  EXPECT_EQ(rows[1]["queues"], 150);
  EXPECT_EQ(rows[3]["keys"], 50);
  EXPECT_EQ(rows[5]["clients"], 20);
}

TEST_F(Bench, ComparesKeysThatHaveLimitsWithNone) {
  const Json rows = rows_of({"limits", "--keys", "50"}, "");
  ASSERT_EQ(rows.size(), 6);
  for (const Json& row : rows) {
    expect_fields(row, of_a_pass);
    EXPECT_EQ(row["jobs"], 50) << "each key is ready once";
  }
  EXPECT_EQ(rows[1]["limits"], 50);
}

TEST_F(Bench, PilesUpABacklogAndStartsOnTopOfIt) {
  const Json rows = rows_of({"backlog", "restart"});
  ASSERT_GE(rows.size(), 6);
  EXPECT_EQ(rows[1]["variant"], "put");
  expect_fields(rows[1], {"rss_bytes_per_job"});
  EXPECT_EQ(rows.back()["variant"], "killed");
  expect_fields(rows.back(), of_a_pass);
  EXPECT_GT(rows.back()["seconds"].get<double>(), 0);
}

TEST_F(Bench, MeasuresABrokerThatRuns) {
  Stack stack;
  const Json rows = rows_of({"flood", "--broker", stack.endpoint()});
  ASSERT_EQ(rows.size(), 1);
  EXPECT_FALSE(rows[0].contains("broker_us")) << "it may be on another host";
  EXPECT_EQ(Json::parse(stack.joinery({"--json", "status"}).out)["counts"]["unfinished"], 0);
}

TEST_F(Bench, IsNoDangerToWhatABrokerThatRunsHasElse) {
  Stack stack;
  stack.say({"queue", "configure", "bench", "--durability", "none"});
  stack.say({"submit", "exec", "--queue", "bench", "--", "true"});
  const Json said =
      said_of({"--broker", stack.endpoint(), "--jobs", "500", "--rate", "500", "--seconds", "1"});
  std::set<std::string> ran;
  for (const Json& row : said["rows"]) ran.insert(row["scenario"].get<std::string>());
  EXPECT_EQ(ran, (std::set<std::string>{"flood", "single", "put", "drain", "idle", "load"}))
      << "those that can";
  const Json queue = Json::parse(stack.say({"--json", "queue", "show", "bench"}));
  EXPECT_EQ(queue["durability"], "none");
  EXPECT_EQ(queue["counts"]["unfinished"], 1);
  EXPECT_EQ(Json::parse(stack.say({"--json", "status"}))["counts"]["unfinished"], 1) << "put's are cancelled";
}

TEST_F(Bench, LeavesNothingInABrokerThatRunsWhenItIsInterrupted) {
  Stack stack;
  Process process({program("joinery"), "bench", "drain", "--jobs", "100000000", "--dir", dir.path(),
                   "--broker", stack.endpoint()});
  const auto waiting = [&] {
    return Json::parse(stack.say({"--json", "status"}))["counts"]["unfinished"].get<std::uint64_t>();
  };
  ASSERT_TRUE(eventually([&] { return waiting() > 0; })) << process.err();
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 128 + SIGINT);
  EXPECT_EQ(waiting(), 0);
  for (const Json& queue : Json::parse(stack.say({"--json", "queue", "ls"})))
    EXPECT_FALSE(queue["paused"].get<bool>()) << queue;
}

TEST_F(Bench, SaysSoonThatNoBrokerAnswers) {
  const Finished finished = bench({"--broker", "ipc://" + dir.path() + "/nobody"});
  EXPECT_EQ(finished.status, 69);
  EXPECT_THAT(finished.err, HasSubstr("--broker"));
}

TEST_F(Bench, JudgesOnlyWhatIsAsLargeAsItsTargetMeans) {
  const Json reach = said_of({"restart", "--jobs", "1000"})["reach"];
  ASSERT_EQ(reach.size(), 2);
  for (const Json& each : reach) {
    EXPECT_EQ(each["verdict"], "too small to judge");
    EXPECT_TRUE(each["met"].is_null());
  }
}

TEST_F(Bench, CutsNothingOnANarrowTerminal) {
  const std::string command =
      "stty cols 60 && " + program("joinery") + " bench flood --jobs 2000 --dir " + dir.path();
  const Finished finished = run({"script", "-qec", command, "/dev/null"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  for (const char* heading : {"JOBS/S", "P99.9 us", "BROKER RSS", "SYNCS/JOB", "too small to judge"})
    EXPECT_THAT(finished.out, HasSubstr(heading));
  EXPECT_THAT(finished.out, Not(HasSubstr("…")));
}

TEST_F(Bench, PrintsATableForPeople) {
  const Finished finished =
      run({program("joinery"), "bench", "flood", "--jobs", "2000", "--dir", dir.path()});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("JOBS/S"));
  EXPECT_THAT(finished.out, HasSubstr("This machine: fdatasync"));
}

TEST_F(Bench, NamesItsScenarios) {
  const Finished finished = bench({"--list"});
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(Json::parse(finished.out)[0]["scenario"], "flood");
}

TEST_F(Bench, RefusesWhatItDoesNotUnderstand) {
  const std::string deep = dir / std::string(100, 'd');
  std::filesystem::create_directory(deep);
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{"floods"}, "floods"},
      {{"flood", "--jobs", "0"}, "--jobs"},
      {{"flood", "--durability", "maybe"}, "--durability"},
      {{"flood", "--mode", "random"}, "--mode"},
      {{"flood", "--dir", "/nowhere"}, "--dir"},
      {{"flood", "--dir", deep}, "--dir: has"},
      {{"load", "--jobs", "100"}, "--jobs: load"},
      {{"flood", "rest", "--rate", "100"}, "--rate: flood, rest"},
      {{"flood", "--tcp", "--broker", "ipc:///nowhere"}, "--tcp"},
      {{"backlog", "--broker", "ipc:///nowhere"}, "backlog"},
      {{"flood", "--queues", "3", "--broker", "ipc:///nowhere"}, "--queues"},
  };
  for (const auto& [arguments, named] : wrong) {
    const Finished finished = bench(arguments);
    EXPECT_EQ(finished.status, 64) << named;
    EXPECT_THAT(finished.err, HasSubstr(named));
    EXPECT_THAT(finished.out, IsEmpty());
  }
}

TEST_F(Bench, LeavesNothingWhenItIsInterrupted) {
  Process process({program("joinery"), "bench", "rest", "--seconds", "600", "--dir", dir.path()});
  ASSERT_TRUE(eventually([&] { return children_of(process.pid()).size() == 2; })) << process.err();
  const std::vector<pid_t> children = children_of(process.pid());
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(), 128 + SIGINT);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  for (const pid_t child : children) EXPECT_TRUE(eventually([child] { return gone(child); }));
}

TEST_F(Bench, EndsAtOnceWhenAProcessOfItsStackEnds) {
  const std::vector<std::tuple<std::string, std::string, int>> cases{
      {"rest", "broker", 69}, {"flood", "broker", 69}, {"flood", "worker", 1}};
  for (const auto& [scenario, what, status] : cases) {
    const bool flood = scenario == "flood";
    const auto process = under_way({scenario, flood ? "--jobs" : "--seconds", flood ? "1000000000" : "600"});
    const std::vector<pid_t> children = children_of(process->pid());
    ASSERT_TRUE(eventually([&] { return kill_child(process->pid(), "joinery-" + what); }));
    EXPECT_EQ(process->wait(), status) << scenario;
    EXPECT_THAT(process->err(), HasSubstr("the " + what + " was killed by signal 9"));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
    for (const pid_t child : children) EXPECT_TRUE(eventually([child] { return gone(child); }));
  }
}

TEST_F(Bench, TakesAwayWhatAKilledRunHasLeft) {
  const auto process = under_way({"rest", "--seconds", "600"});
  const std::vector<pid_t> children = children_of(process->pid());
  process->signal(SIGKILL);
  process->wait();
  for (const pid_t child : children) EXPECT_TRUE(eventually([child] { return gone(child); }));
  EXPECT_FALSE(std::filesystem::is_empty(dir.path()));
  said_of({"put", "--jobs", "2000"});
}

}  // namespace
}  // namespace joinery::testing
