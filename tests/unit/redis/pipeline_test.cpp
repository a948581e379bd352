// The pipelined connection, with a real Redis that comes and goes.
#include <gmock/gmock.h>
#include <poll.h>

#include "tests/support/redis_server.h"

namespace joinery::redis {
namespace {

using ::testing::HasSubstr;
using testing::RedisServer;
using Kind = Value::Kind;

constexpr Script add_script("return redis.call('INCRBY', KEYS[1], ARGV[1])");

// A loop such as the supervisor's: until `done`, at most ten seconds.
bool run(Pipeline& pipeline, const std::function<bool()>& done) {
  const Mono end = read_clocks().mono + std::chrono::seconds(10);
  while (true) {
    const Now now = read_clocks();
    pipeline.process(now);
    if (done()) return true;
    if (now.mono > end) return false;
    const Mono until = std::min(pipeline.next_deadline(), end);
    const auto wait_ms =
        until <= now.mono ? 0 : std::chrono::ceil<std::chrono::milliseconds>(until - now.mono).count();
    pollfd wait{pipeline.descriptor(), POLLIN, 0};
    if (pipeline.wants_write()) wait.events |= POLLOUT;
    ::poll(&wait, 1, static_cast<int>(wait_ms));
  }
}

bool run_until_idle(Pipeline& pipeline) {
  return run(pipeline, [&] { return pipeline.under_way() == 0; });
}

void command(Pipeline& pipeline, std::initializer_list<Bytes> words, Pipeline::Callback done) {
  pipeline.command(std::span<const Bytes>(words.begin(), words.size()), std::move(done));
}

TEST(RedisPipeline, CallsBackInOrder) {
  RedisServer server;
  Pipeline pipeline(server.url());
  std::vector<std::int64_t> seen;
  for (int i = 0; i < 20'000; ++i) {
    command(pipeline, {"INCR", "n"}, [&](const Result<Value>& reply) { seen.push_back(reply->integer); });
  }
  EXPECT_EQ(pipeline.under_way(), 20'000U);
  ASSERT_TRUE(run_until_idle(pipeline));
  ASSERT_EQ(seen.size(), 20'000U);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i + 1);
}

TEST(RedisPipeline, CarriesMoreThanTheSocketHolds) {
  RedisServer server;
  Pipeline pipeline(server.url());
  const std::string large(8U << 20U, 'x');
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 4; ++i) {
    command(pipeline, {"ECHO", large},
            [&](const Result<Value>& reply) { sizes.push_back(reply->text.size()); });
  }
  ASSERT_TRUE(run_until_idle(pipeline));
  EXPECT_THAT(sizes, ::testing::Each(large.size()));
  EXPECT_EQ(sizes.size(), 4U);
}

TEST(RedisPipeline, SendsAScriptWholeToAServerThatLostIt) {
  RedisServer server;
  Pipeline pipeline(server.url());
  std::vector<std::int64_t> seen;
  auto add = [&] {
    pipeline.eval(add_script, std::vector<Bytes>{"n"}, std::vector<Bytes>{"2"},
                  [&](const Result<Value>& reply) { seen.push_back(reply ? reply->integer : -1); });
  };
  add();
  add();
  ASSERT_TRUE(run_until_idle(pipeline));
  ASSERT_TRUE(Client(server.url()).command({"SCRIPT", "FLUSH"}));
  add();
  ASSERT_TRUE(run_until_idle(pipeline));
  EXPECT_THAT(seen, ::testing::ElementsAre(2, 4, 6));
}

TEST(RedisPipeline, ACallbackMayIssueCommands) {
  RedisServer server;
  Pipeline pipeline(server.url());
  int left = 100;
  std::function<void(Result<Value>)> again = [&](const Result<Value>&) {
    if (--left > 0) command(pipeline, {"PING"}, again);
  };
  command(pipeline, {"PING"}, again);
  ASSERT_TRUE(run_until_idle(pipeline));
  EXPECT_EQ(left, 0);
}

TEST(RedisPipeline, FailsWhatWasUnderWayAndConnectsAgain) {
  RedisServer server;
  Pipeline pipeline(server.url());
  ASSERT_TRUE(run(pipeline, [&] { return pipeline.connected(); }));
  server.freeze();
  std::optional<Error> error;
  command(pipeline, {"GET", "a"}, [&](const Result<Value>& reply) { error = reply.error(); });
  pipeline.process(read_clocks());
  EXPECT_FALSE(error);
  server.kill();
  ASSERT_TRUE(run(pipeline, [&] { return error.has_value(); }));
  EXPECT_EQ(error->code, Code::redis_unreachable);
  EXPECT_FALSE(pipeline.connected());

  std::string answer;  // asked while it is away
  command(pipeline, {"ECHO", "again"},
          [&](const Result<Value>& reply) { answer = reply ? reply->text : "error"; });
  pipeline.process(read_clocks());
  EXPECT_EQ(pipeline.under_way(), 1U);
  EXPECT_THAT(pipeline.last_error(), HasSubstr("Redis at unix://"));
  server.start();
  ASSERT_TRUE(run_until_idle(pipeline));
  EXPECT_EQ(answer, "again");
}

TEST(RedisPipeline, RefusesWhatItWouldHaveToHoldBeyondTheLimitWithoutAConnection) {
  Url nowhere;
  nowhere.path = "/nonexistent/redis.sock";
  Pipeline pipeline(nowhere);
  pipeline.process(read_clocks());
  const std::string large(Pipeline::queue_bytes_max / 2 + 1, 'x');
  std::vector<std::string> errors;
  for (int i = 0; i < 2; ++i) {
    command(pipeline, {"SET", "a", large},
            [&](const Result<Value>& reply) { errors.push_back(reply ? "none" : reply.error().message); });
  }
  EXPECT_TRUE(errors.empty()) << "callbacks come from process() only";
  EXPECT_LE(pipeline.next_deadline(), read_clocks().mono);
  pipeline.process(read_clocks());
  EXPECT_THAT(errors, ::testing::ElementsAre(HasSubstr("64 MiB of commands wait")));
  EXPECT_EQ(pipeline.under_way(), 1U);
}

TEST(RedisPipeline, GivesUpAServerThatIsSilentForFifteenSeconds) {
  RedisServer server;
  Pipeline pipeline(server.url());
  ASSERT_TRUE(run(pipeline, [&] { return pipeline.connected(); }));
  server.freeze();
  std::optional<Error> error;
  command(pipeline, {"PING"}, [&](const Result<Value>& reply) { error = reply.error(); });
  Now now = read_clocks();
  pipeline.process(now);
  now.mono = pipeline.next_deadline();  // time is passed in, so nobody has to wait for it
  EXPECT_LT(now.mono, never_mono);
  pipeline.process(now);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("did not answer"));
  EXPECT_GT(pipeline.next_deadline(), now.mono) << "it waits a little before it tries again";
}

TEST(RedisPipeline, IsNotConnectedWhileThePasswordIsWrong) {
  RedisServer server({"--requirepass", "secret"});
  Pipeline pipeline(server.url());
  ASSERT_TRUE(run(pipeline, [&] { return !pipeline.last_error().empty(); }));
  EXPECT_FALSE(pipeline.connected());
  EXPECT_THAT(pipeline.last_error(), HasSubstr("NOAUTH"));
}

}  // namespace
}  // namespace joinery::redis
