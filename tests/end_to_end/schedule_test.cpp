// The examples of docs/job-control.md on schedules, run against the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "shared/base/time.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class ScheduleTest : public StackTest {
 protected:
  using StackTest::StackTest;
  Json ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return Json::parse(say(std::move(arguments)));
  }
  Json show(const std::string& name) { return ask({"schedule", "show", name}); }
  std::string add(const std::string& name, const std::string& cron, std::vector<std::string> flags,
                  const std::string& script) {
    std::vector<std::string> all{"schedule", "add", name, "--cron", cron};
    all.insert(all.end(), flags.begin(), flags.end());
    for (const std::string& word : {std::string("exec"), std::string("--"), std::string("sh"),
                                    std::string("-c"), "log=" + log + "; " + script})
      all.push_back(word);
    return say(std::move(all));
  }
  // Different lines.
  std::size_t logged() const {
    std::ifstream file(log);
    std::set<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.insert(line);
    return lines.size();
  }
  void kill_broker() {
    stack.broker().signal(SIGKILL);
    stack.broker().wait();
  }

  const std::string log = stack.dir() / "log";
};

TEST_F(ScheduleTest, SaysWhenItIsDueInItsTimeZone) {
  EXPECT_THAT(say({"schedule", "add", "nightly", "--cron", "0 3 * * *", "--tz", "Europe/Berlin", "--attempts",
                   "5", "exec", "--", "backup.sh"}),
              AnyOf(HasSubstr("T01:00:00Z"), HasSubstr("T02:00:00Z")));
  EXPECT_THAT(say({"schedule", "ls"}), HasSubstr("nightly"));
  const Json shown = show("nightly");
  EXPECT_EQ(shown["tz"], "Europe/Berlin");
  EXPECT_EQ(shown["upcoming_ms"].size(), 5U);
  EXPECT_EQ(shown["upcoming_ms"][0], shown["next_ms"]);
  EXPECT_EQ(shown["handler"], "exec");
  kill_broker();
  stack.start_broker();
  EXPECT_EQ(show("nightly"), shown) << "a restart changes nothing";
  EXPECT_THAT(say({"schedule", "rm", "nightly"}), HasSubstr("removed"));
  EXPECT_EQ(ask({"schedule", "ls"}), Json::array());
}

TEST_F(ScheduleTest, OfAMistakePointsAtThePlace) {
  const auto mistake = [&](const char* cron, const char* zone) {
    const Finished said =
        stack.joinery({"schedule", "add", "x", "--cron", cron, "--tz", zone, "exec", "--", "true"});
    EXPECT_NE(said.status, 0);
    return said.err;
  };
  EXPECT_THAT(mistake("0 3 * * FOO", "UTC"),
              HasSubstr("field \"day of week\": expected 0-7 or SUN-SAT, got \"FOO\" at column 9"));
  EXPECT_THAT(mistake("@daily", "Europe/Berln"), HasSubstr("tz is \"Europe/Berln\""));
  EXPECT_THAT(
      stack.joinery({"schedule", "add", "x", "--cron", "@daily", "--run-at", "0", "exec", "--", "true"}).err,
      HasSubstr("--run-at"));
  EXPECT_EQ(ask({"schedule", "ls"}), Json::array());
}

TEST_F(ScheduleTest, SubmitsItsJobWithItsOptionsAgainAndAgain) {
  stack.start_worker();
  add("tick", "@every 1s", {"--key", "clock", "--attempts", "2", "--expires-in", "1h"},
      "echo $JOINERY_JOB_ID >> $log");
  EXPECT_TRUE(eventually([&] { return logged() >= 2; }));
  say({"queue", "pause", "default"});
  const std::string job = say({"schedule", "run", "tick"});
  const Json shown = ask({"job", "show", job});
  EXPECT_EQ(shown["schedule"], "tick");
  EXPECT_EQ(shown["key"], "clock");
  EXPECT_THAT(say({"job", "show", job}), HasSubstr("tick"));
  say({"schedule", "pause", "tick"});
  const std::string by_hand = say({"schedule", "run", "tick"});
  EXPECT_THAT(say({"schedule", "show", "tick"}), HasSubstr("job " + by_hand + ", run by hand at 2"));
}

TEST_F(ScheduleTest, FiresOncePerDueTimeHoweverOftenTheBrokerIsKilled) {
  stack.start_worker();
  add("tick", "@every 1s", {"--catch-up", "all", "--catch-up-max", "1000"}, "echo $JOINERY_JOB_ID >> $log");
  const auto first = show("tick")["next_ms"].get<std::int64_t>();
  for (std::size_t life = 0; life < 3; ++life) {
    const std::size_t before = logged();
    EXPECT_TRUE(eventually([&] { return logged() > before; }));
    kill_broker();
    const Wall begin = read_clocks().wall;
    EXPECT_TRUE(eventually([&] { return read_clocks().wall - begin > std::chrono::milliseconds(1500); }))
        << "it is away while it is due";
    stack.start_broker();
  }
  say({"schedule", "pause", "tick", "--reason", "count them"});
  stack.joinery({"join", "--queue", "default"});
  const Json shown = show("tick");
  const std::int64_t due = (shown["last_due_ms"].get<std::int64_t>() - first) / 1000 + 1;
  EXPECT_EQ(shown["submitted"], due);
  EXPECT_EQ(shown["skipped"], 0);
  EXPECT_EQ(logged(), static_cast<std::size_t>(due))
      << "each of them ran, one that the broker forgot with its start twice";
}

TEST_F(ScheduleTest, ThatSkipsHasOneUnfinishedJobAtMost) {
  add("slow", "@every 1s", {"--overlap", "skip"}, "true");  // and there is no worker
  EXPECT_TRUE(eventually([&] { return show("slow")["skipped"] >= 1; }));
  const Json shown = show("slow");
  EXPECT_EQ(shown["submitted"], 1);
  EXPECT_EQ(shown["unfinished"], (Json{shown["last_job"]}));
  EXPECT_THAT(say({"schedule", "show", "slow"}), HasSubstr("its job 1 is unfinished"));
}

TEST_F(ScheduleTest, ThatReplacesCancelsTheJobBefore) {
  add("fresh", "@every 1s", {"--overlap", "replace"}, "true");
  EXPECT_TRUE(eventually([&] { return show("fresh")["submitted"] >= 2; }));
  EXPECT_EQ(ask({"job", "show", "1"})["outcome"], "cancelled");
}

TEST_F(ScheduleTest, IsPausedWithWhoAndWhyUntilItIsResumed) {
  add("tick", "@every 1s", {}, "true");
  EXPECT_THAT(say({"schedule", "pause", "tick", "--reason", "the disk is full"}),
              HasSubstr("the disk is full"));
  const Json paused = show("tick");
  kill_broker();
  stack.start_broker();
  const Wall begin = read_clocks().wall;
  EXPECT_TRUE(eventually([&] { return read_clocks().wall - begin > std::chrono::milliseconds(1200); }));
  EXPECT_EQ(show("tick")["submitted"], paused["submitted"]);
  say({"schedule", "resume", "tick"});
  EXPECT_TRUE(eventually([&] { return show("tick")["submitted"] > paused["submitted"]; }));
}

TEST_F(ScheduleTest, IsChangedOnlyOnPurpose) {
  add("s", "@daily", {}, "true");
  const Finished again = stack.joinery({"schedule", "add", "s", "--cron", "@hourly", "exec", "--", "true"});
  EXPECT_NE(again.status, 0);
  EXPECT_THAT(again.err, HasSubstr("there is a schedule s"));
  say({"schedule", "add", "s", "--cron", "@hourly", "--replace", "exec", "--", "true"});
  EXPECT_EQ(show("s")["cron"], "@hourly");
}

TEST(ScheduleInTheFile, IsThereAsLongAsTheFileHasIt) {
  TempDir dir;
  const std::string file = dir / "broker.toml";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  const std::string nightly =
      "[schedule.nightly]\ncron = \"0 3 * * *\"\ntz = \"Europe/Berlin\"\ncommand = [\"backup.sh\", "
      "\"--all\"]\n"
      "overlap = \"skip\"\nattempts = 5\nenv.LEVEL = \"9\"\n";
  const std::string poll =
      "[schedule.poll]\ncron = \"@every 10m\"\nhandler = \"fetch\"\nargs = [\"https://a.example\"]\n";
  write(nightly + poll);
  Stack stack({"--config", file});
  const auto names = [&] {
    std::vector<std::string> all;
    for (const Json& one : Json::parse(stack.joinery({"--json", "schedule", "ls"}).out))
      all.push_back(one["name"]);
    return all;
  };
  const auto reload = [&] { stack.broker().signal(SIGHUP); };
  EXPECT_EQ(names(), (std::vector<std::string>{"nightly", "poll"}));
  stack.joinery({"schedule", "add", "mine", "--cron", "@daily", "exec", "--", "true"});
  EXPECT_THAT(stack.joinery({"schedule", "rm", "nightly"}).err,
              HasSubstr("declared in the broker's configuration"));
  const Json before = Json::parse(stack.joinery({"--json", "schedule", "show", "poll"}).out);

  write(poll + "[schedule.bad]\ncron = \"0 3 * * FOO\"\ncommand = [\"true\"]\n");
  reload();
  EXPECT_TRUE(eventually([&] {
    return stack.broker().err().find(
               "broker.toml:6: [schedule.bad]: field \"day of week\": expected 0-7 or SUN-SAT, got \"FOO\" "
               "at "
               "column 9; all stays as it was") != std::string::npos;
  }));
  EXPECT_EQ(names(), (std::vector<std::string>{"mine", "nightly", "poll"}));

  write(poll);
  reload();
  EXPECT_TRUE(eventually([&] { return names() == std::vector<std::string>{"mine", "poll"}; }));
  EXPECT_EQ(Json::parse(stack.joinery({"--json", "schedule", "show", "poll"}).out), before)
      << "what did not change goes on";
  const std::string job = stack.joinery({"schedule", "run", "poll"}).out;
  const Json shown = Json::parse(stack.joinery({"--json", "job", "show", job.substr(0, job.find('\n'))}).out);
  EXPECT_EQ(shown["handler"], "fetch");
}

}  // namespace
}  // namespace joinery::testing
