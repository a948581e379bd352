#include "broker/server/redis_runner.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/process.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace joinery::broker::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

Result<redis::Value> ask(const RedisRunner& runner, std::initializer_list<Bytes> command) {
  return redis::Client(*redis::parse_url(runner.url())).command(command);
}

// Turns its loop until it is up (or not).
void wait_up(RedisRunner& runner, bool up) {
  const Mono limit = read_clocks().mono + std::chrono::seconds(60);
  while (runner.up() != up) {
    const Now now = read_clocks();
    ASSERT_LT(now.mono, limit);
    pollfd waits[] = {{runner.child_descriptor(), POLLIN, 0},
                      {runner.link_descriptor(),
                       static_cast<short>(runner.link_wants_write() ? POLLIN | POLLOUT : POLLIN), 0}};
    const Mono deadline = std::min(runner.next_deadline(), now.mono + std::chrono::seconds(1));
    ::poll(waits, 2, std::max(0, static_cast<int>((deadline - now.mono) / std::chrono::milliseconds(1)) + 1));
    runner.process(read_clocks());
  }
}

TEST(RedisRunner, StartsAPrivateOneOnAUnixSocketAndStopsIt) {
  testing::TempDir dir;
  RedisRunner runner({.url = {}, .directory = dir.path()});
  ASSERT_TRUE(runner.start());
  EXPECT_THAT(runner.url(), StartsWith("unix:///"));
  EXPECT_EQ(ask(runner, {"CONFIG", "GET", "maxmemory-policy"})->list.at(1).text, "noeviction");
  EXPECT_EQ(ask(runner, {"CONFIG", "GET", "appendonly"})->list.at(1).text, "yes");
  EXPECT_EQ(ask(runner, {"CONFIG", "GET", "port"})->list.at(1).text, "0");
  wait_up(runner, true);
  runner.stop();
  EXPECT_FALSE(ask(runner, {"PING"}));
}

TEST(RedisRunner, KeepsWhatWasWrittenOverItsLives) {
  testing::TempDir dir;
  for (int life = 0; life < 2; ++life) {
    RedisRunner runner({.url = {}, .directory = dir.path()});
    ASSERT_TRUE(runner.start());
    EXPECT_EQ(ask(runner, {"INCR", "lives"})->integer, life + 1);
  }
}

TEST(RedisRunner, StartsItAgainWhenItIsKilled) {
  testing::TempDir dir;
  RedisRunner runner({.url = {}, .directory = dir.path()});
  ASSERT_TRUE(runner.start());
  wait_up(runner, true);
  const std::vector<pid_t> children = testing::children_of(::getpid());
  ASSERT_THAT(children, SizeIs(1));
  ::kill(children.front(), SIGKILL);
  wait_up(runner, false);
  wait_up(runner, true);
  EXPECT_NE(testing::children_of(::getpid()), children);
}

TEST(RedisRunner, FindsAShortPathForTheSocketOfADeepDirectory) {
  testing::TempDir dir;
  const std::string deep = dir / std::string(120, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  RedisRunner runner({.url = {}, .directory = deep});
  ASSERT_TRUE(runner.start());
  EXPECT_EQ(ask(runner, {"PING"})->text, "PONG");
  const std::string socket = runner.url().substr(std::string("unix://").size());
  runner.stop();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(socket).parent_path()));
}

TEST(RedisRunner, SaysWhatToDoWhenThereIsNoServer) {
  testing::TempDir dir;
  RedisRunner runner({.url = {}, .server = "no-such-redis-server", .directory = dir.path()});
  const Result<> started = runner.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::redis_unreachable);
  EXPECT_THAT(started.error().message, HasSubstr("no-such-redis-server was not found in PATH"));
  EXPECT_THAT(started.error().message, HasSubstr("redis.url"));
}

TEST(RedisRunner, SaysThatTheServerEndedAtOnce) {
  testing::TempDir dir;
  RedisRunner runner({.url = {}, .server = "/bin/false", .directory = dir.path()});
  EXPECT_THAT(runner.start().error().message, HasSubstr("ended as soon as it started"));
}

TEST(RedisRunner, SaysThatYoursDoesNotAnswer) {
  testing::TempDir dir;
  RedisRunner runner({.url = "unix://" + (dir / "nobody"), .patience = std::chrono::milliseconds(1)});
  const Result<> started = runner.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().field, "redis.url");
}

TEST(RedisRunner, SaysThatYoursTakesNoWritesAndThatItTakesThemAgain) {
  testing::RedisServer server;
  RedisRunner runner(
      {.url = server.url_text(), .probe_key = "probe", .probe_every = std::chrono::milliseconds(20)});
  ASSERT_TRUE(runner.start());
  wait_up(runner, true);
  ASSERT_EQ(ask(runner, {"CONFIG", "SET", "maxmemory", "1"})->text, "OK");
  wait_up(runner, false);
  EXPECT_THAT(runner.problem(), HasSubstr("OOM"));
  ASSERT_EQ(ask(runner, {"CONFIG", "SET", "maxmemory", "0"})->text, "OK");
  wait_up(runner, true);
  EXPECT_EQ(runner.problem(), "");
}

TEST(RedisRunner, SaysThatYoursIsFrozenOrGoneAndBack) {
  testing::RedisServer server;
  RedisRunner runner(
      {.url = server.url_text(), .probe_key = "probe", .probe_every = std::chrono::milliseconds(20)});
  ASSERT_TRUE(runner.start());
  wait_up(runner, true);
  server.freeze();
  wait_up(runner, false);
  EXPECT_EQ(runner.problem(), "it does not answer");
  server.thaw();
  wait_up(runner, true);
  server.kill();
  wait_up(runner, false);
  EXPECT_NE(runner.problem(), "");
  server.start();
  wait_up(runner, true);
}

TEST(RedisRunner, RefusesAUrlThatIsNone) {
  EXPECT_EQ(RedisRunner({.url = "http://example.org"}).start().error().code, Code::invalid_config);
}

TEST(RedisRunner, StartsNothingIfNoneIsWanted) {
  RedisRunner runner({.url = "none"});
  EXPECT_TRUE(runner.start());
  EXPECT_EQ(runner.url(), "");
  EXPECT_FALSE(runner.up());
}

}  // namespace
}  // namespace joinery::broker::server
