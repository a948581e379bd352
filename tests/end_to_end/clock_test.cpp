// The wall clock jumps, or time goes by while the broker is down: what schedules make up for, and that
// nothing starts early or twice. The broker's clock is set by a shim; everything else is the real programs.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "shared/base/time.h"
#include "shared/base/unique_fd.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using std::chrono::seconds;

// Half past an hour, by the broker's clock when it is started first.
const std::chrono::sys_seconds begin = std::chrono::floor<std::chrono::hours>(read_clocks().wall) + 30min;

std::string text(std::chrono::sys_seconds time) { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", time); }

class HostClock {
 public:
  HostClock() : file_(::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) { set(begin); }
  void set(std::chrono::sys_seconds to) {
    const std::int64_t off = (to - std::chrono::floor<seconds>(read_clocks().wall)).count();
    EXPECT_EQ(::pwrite(file_.get(), &off, sizeof off, 0), ssize_t{sizeof off});
  }
  std::string path() const { return dir_ / "clock"; }

 private:
  TempDir dir_;
  unique_fd file_;
};

class ClockTest : public ::testing::Test {
 protected:
  std::string say(std::vector<std::string> arguments) { return stack.say(std::move(arguments)); }
  Json ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return Json::parse(say(std::move(arguments)));
  }
  // Away until then, and back.
  void sleep_until(std::chrono::sys_seconds then) {
    stack.broker().signal(SIGKILL);
    stack.broker().wait();
    clock.set(then);
    stack.start_broker();
  }
  // Hourly, into a queue of its name that no worker serves.
  void add(const std::string& name, std::vector<std::string> flags) {
    std::vector<std::string> words{"schedule", "add", name, "--cron", "0 * * * *", "--queue", name};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* word : {"exec", "--", "true"}) words.emplace_back(word);
    say(std::move(words));
  }
  std::string submit(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "submit");
    for (const char* word : {"exec", "--", "true"}) flags.emplace_back(word);
    return say(std::move(flags));
  }
  // "submitted, skipped"
  std::string fired(const std::string& name) {
    const Json shown = ask({"schedule", "show", name});
    return shown["submitted"].dump() + ", " + shown["skipped"].dump();
  }
  // "ready 1 blocked 1": the jobs of a queue, but for those that have none.
  std::string jobs(const std::string& queue) {
    const Json counts = ask({"queue", "show", queue})["counts"];
    std::string all;
    for (const char* state :
         {"scheduled", "blocked", "ready", "running", "succeeded", "cancelled", "expired"}) {
      if (counts[state] != 0)
        all += (all.empty() ? "" : " ") + std::string(state) + " " + counts[state].dump();
    }
    return all;
  }
  std::string state(const std::string& job) {
    const Json shown = ask({"job", "show", job});
    return shown.value("state", shown.value("outcome", "?"));
  }

  HostClock clock;
  Stack stack{{"--redis-url", "none"}, {{"LD_PRELOAD", CLOCK_SHIM}, {"JOINERY_CLOCK_FILE", clock.path()}}};
};

TEST_F(ClockTest, WhatASchedulesMissedWhileTheBrokerWasDownIsMadeUpForAsItsCatchUpSays) {
  for (const std::string catch_up : {"none", "last", "all"}) add(catch_up, {"--catch-up", catch_up});
  add("two", {"--catch-up", "all", "--catch-up-max", "2"});
  sleep_until(begin + 5h);  // five times were missed, the last half an hour ago
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(fired("none"), "0, 1");
    EXPECT_EQ(fired("last"), "1, 0");
    EXPECT_EQ(fired("all"), "5, 0");
    EXPECT_EQ(fired("two"), "2, 0");
    sleep_until(begin + 5h + 10min);  // and nothing of it comes twice
  }
  EXPECT_THAT(say({"schedule", "show", "none"}), HasSubstr("it was missed, and catch_up is none"));
  EXPECT_THAT(say({"schedule", "show", "last"}), HasSubstr("at " + text(begin + 270min)));
  EXPECT_THAT(say({"schedule", "ls"}), HasSubstr(text(begin + 330min)));
}

TEST_F(ClockTest, TimesThatComeWhileAJobIsUnfinishedGoByTheOverlapAlsoAfterARestart) {
  for (const std::string overlap : {"allow", "skip", "queue", "replace"})
    add(overlap, {"--catch-up", "all", "--overlap", overlap});
  sleep_until(begin + 1h);
  for (const std::string overlap : {"allow", "skip", "queue", "replace"}) EXPECT_EQ(jobs(overlap), "ready 1");
  sleep_until(begin + 3h);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(jobs("allow"), "ready 3");
    EXPECT_EQ(jobs("skip"), "ready 1");
    EXPECT_EQ(jobs("queue"), "blocked 1 ready 1");
    EXPECT_EQ(jobs("replace"), "ready 1 cancelled 2");
    EXPECT_EQ(fired("skip"), "1, 2");
    EXPECT_EQ(fired("queue"), "2, 1");
    sleep_until(begin + 3h + 10min);
  }
  stack.start_worker({"--allow-exec", "--processes", "1", "--queues", "queue,skip"});
  say({"join", "--queue", "queue"});
  say({"join", "--queue", "skip"});
  EXPECT_EQ(jobs("queue"), "succeeded 2");
  sleep_until(begin + 4h);
  EXPECT_EQ(fired("skip"), "2, 2") << "nothing of it is unfinished any more";
}

TEST_F(ClockTest, AClockThatIsSetForthAndBackStartsNothingEarlyOrTwice) {
  add("hourly", {});
  say({"limit", "set", "api", "--interval", "2h"});
  stack.start_worker();
  submit({"--key", "api", "--wait"});
  const std::string key = submit({"--key", "api"});
  const std::string delayed = submit({"--delay", "2h"});
  const std::string at = submit({"--run-at", text(begin + 47h)});
  const std::string retried = say({"submit", "--backoff", "fixed:2h", "exec", "--", "false"});
  EXPECT_TRUE(eventually([&] { return ask({"explain", retried})["why"] == "backoff"; }));
  const auto waiting = [&] {
    EXPECT_EQ(ask({"explain", key})["why"], "key");
    EXPECT_EQ(ask({"explain", retried})["why"], "backoff");
    return state(delayed);
  };
  clock.set(begin + 24h);
  EXPECT_TRUE(eventually([&] { return fired("hourly") == "1, 0"; }));
  EXPECT_EQ(waiting(), "scheduled");
  clock.set(begin - 24h);
  EXPECT_EQ(fired("hourly"), "1, 0");
  EXPECT_EQ(waiting(), "scheduled");
  EXPECT_EQ(state(at), "scheduled");
  clock.set(begin + 23h);
  EXPECT_EQ(fired("hourly"), "1, 0") << "its times up to then were fired";
  clock.set(begin + 48h);
  EXPECT_TRUE(eventually([&] { return state(at) == "succeeded"; })) << "a time of the wall clock has come";
  EXPECT_EQ(fired("hourly"), "2, 0");
  EXPECT_EQ(waiting(), "scheduled");
  EXPECT_EQ(ask({"worker", "ls"})[0]["connected"], true) << "nobody was lost";
}

TEST_F(ClockTest, ATimeUntilWhichAJobMustHaveStartedOrEndedIsOneOfTheWallClock) {
  const std::string start = submit({"--expires-in", "100d"});
  const std::string end = submit({"--deadline-in", "100d"});
  const std::string none = submit({});
  clock.set(begin + 200 * 24h);
  EXPECT_TRUE(eventually([&] { return state(start) == "expired" && state(end) == "expired"; }));
  EXPECT_EQ(state(none), "ready");
}

TEST_F(ClockTest, AHistoryForgetsWhatIsTooOld) {
  say({"queue", "configure", "default", "--history-age", "2d"});
  stack.start_worker();
  submit({"--wait"});
  clock.set(begin + 24h);
  submit({"--wait"});
  const auto remembered = [&] { return ask({"job", "ls", "--finished"}).size(); };
  EXPECT_EQ(remembered(), 2U);
  clock.set(begin + 60h);
  EXPECT_TRUE(eventually([&] { return remembered() == 1; }));
  sleep_until(begin + 120h);
  EXPECT_TRUE(eventually([&] { return remembered() == 0; }));
  EXPECT_EQ(state("1"), "succeeded") << "the outcome is known without it";
}

}  // namespace
}  // namespace joinery::testing
