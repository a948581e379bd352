// joinery bench with tiny sizes: that every scenario runs and says what it measured, never how fast it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

class Bench : public ::testing::Test {
 protected:
  Finished bench(std::vector<std::string> arguments) {
    std::vector<std::string> argv{program("joinery"), "--json", "bench", "--dir", dir.path()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run(std::move(argv));
  }
  // Its rows, when it went well and left nothing.
  Json rows_of(std::vector<std::string> arguments, const std::string& jobs = "2000") {
    arguments.insert(arguments.end(), {"--jobs", jobs, "--processes", "1"});
    const Finished finished = bench(std::move(arguments));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "left in --dir";
    if (finished.status != 0) return Json::array();
    const Json said = Json::parse(finished.out);
    for (const char* name : {"fdatasync_us", "round_trip_us", "disk_bytes_per_s", "loopback_bytes_per_s"})
      EXPECT_GT(said["machine"][name].get<double>(), 0) << name;
    return said["rows"];
  }
  static void expect_fields(const Json& row, const std::vector<std::string>& names) {
    for (const std::string& name : names) EXPECT_TRUE(row.contains(name)) << name << " in " << row;
  }

  TempDir dir;
};

const std::vector<std::string> of_a_pass{
    "scenario",     "durability", "payload",   "batch",     "window",           "processes",
    "jobs",         "jobs_per_s", "client_us", "broker_us", "broker_rss_bytes", "journal_bytes_per_job",
    "syncs_per_job"};
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
  EXPECT_EQ(rows[3]["latency"], "start");
  EXPECT_EQ(rows[3]["jobs"], 2000) << "a constant rate is that of the flag";
}

TEST_F(Bench, LooksAtWhatIsUsedWhenNothingHappens) {
  const Json rows = rows_of({"rest", "--seconds", "1"});
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
  const Json rows = rows_of({"limits", "--keys", "50"});
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
  EXPECT_GT(rows.back()["seconds"].get<double>(), 0);
}

TEST_F(Bench, MeasuresABrokerThatRuns) {
  Stack stack;
  const Json rows = rows_of({"flood", "--broker", stack.endpoint()});
  ASSERT_EQ(rows.size(), 1);
  EXPECT_FALSE(rows[0].contains("broker_us")) << "it may be on another host";
  EXPECT_EQ(Json::parse(stack.joinery({"--json", "status"}).out)["counts"]["unfinished"], 0);
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
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{"floods"}, "floods"},
      {{"flood", "--jobs", "0"}, "--jobs"},
      {{"flood", "--durability", "maybe"}, "--durability"},
      {{"flood", "--mode", "random"}, "--mode"},
      {{"flood", "--dir", "/nowhere"}, "--dir"},
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

}  // namespace
}  // namespace joinery::testing
