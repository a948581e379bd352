#include "broker/server/options.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace joinery::broker::server {
namespace {

using ::testing::HasSubstr;

struct Parsed {
  BrokerOptions options;
  std::optional<int> exit;
};

Parsed parse(std::vector<std::string> arguments) {
  Parsed parsed;
  config::Options table("joinery-broker", "test", "broker.toml");
  describe(table, parsed.options);
  std::vector<const char*> argv{"joinery-broker"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  parsed.exit = table.parse(static_cast<int>(argv.size()), argv.data());
  return parsed;
}

TEST(BrokerOptions, AreValidByDefault) {
  const Parsed parsed = parse({});
  EXPECT_FALSE(parsed.exit);
  EXPECT_TRUE(check(parsed.options));
}

TEST(BrokerOptions, OfTheFileThatIsShippedAreTheDefaults) {
  const Parsed parsed = parse({"--config", JOINERY_SOURCE_DIR "/config/broker.toml"});
  ASSERT_FALSE(parsed.exit);
  const BrokerOptions usual;
  EXPECT_EQ(parsed.options.endpoint, usual.endpoint);
  EXPECT_EQ(parsed.options.data_dir, usual.data_dir);
  EXPECT_EQ(parsed.options.segment_size.value, usual.segment_size.value);
  EXPECT_EQ(parsed.options.interval.value, usual.interval.value);
  EXPECT_EQ(parsed.options.payload_max.value, usual.payload_max.value);
  EXPECT_EQ(parsed.options.frame_max.value, usual.frame_max.value);
  EXPECT_EQ(parsed.options.lease.value, usual.lease.value);
  EXPECT_EQ(parsed.options.reconnect_grace.value, usual.reconnect_grace.value);
  EXPECT_EQ(parsed.options.heartbeat.value, usual.heartbeat.value);
  EXPECT_EQ(parsed.options.redis_url, usual.redis_url);
  EXPECT_EQ(parsed.options.redis_patience.value, usual.redis_patience.value);
  EXPECT_EQ(parsed.options.queue_defaults(), usual.queue_defaults());
  EXPECT_EQ(parsed.options.log_level, usual.log_level);
}

TEST(BrokerOptions, TakeQueuesFromTablesWithTheRestFromTheDefaults) {
  testing::TempDir dir;
  std::ofstream(dir / "broker.toml") << "[queues]\nmaxsize = 10\n[queue.mail]\nmode = \"priority\"\n"
                                     << "[queue.logs]\ndurability = \"none\"\nmaxsize = 0\n";
  const Parsed parsed = parse({"--config", dir / "broker.toml"});
  ASSERT_FALSE(parsed.exit);
  ASSERT_EQ(parsed.options.queues.size(), 2U);
  EXPECT_EQ(parsed.options.of_queue(parsed.options.queues.at("mail")),
            (QueueOptions{.mode = Mode::priority, .durability = Durability::sync, .maxsize = 10}));
  EXPECT_EQ(parsed.options.of_queue(parsed.options.queues.at("logs")),
            (QueueOptions{.mode = Mode::fifo, .durability = Durability::none, .maxsize = 0}));
}

TEST(BrokerOptions, AreShownWithoutThePasswordOfRedis) {
  for (const char* url :
       {"redis://:hunter2@redis:6379/1", "unix:///redis.sock?password=hunter2", "hunter2"}) {
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(parse({"--redis-url", url, "--print-config"}).exit, 0);
    const std::string shown = ::testing::internal::GetCapturedStdout();
    EXPECT_THAT(shown, HasSubstr("redis.url = \""));
    EXPECT_THAT(shown, ::testing::Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(BrokerOptions, OfAQueueWithAMistakeAreRefused) {
  testing::TempDir dir;
  for (const char* mistake : {"mode = \"random\"", "durability = \"fast\"", "maxsize = -1", "size = 3"}) {
    std::ofstream(dir / "broker.toml") << "[queue.mail]\n" << mistake << "\n";
    EXPECT_EQ(parse({"--config", dir / "broker.toml"}).exit, 78) << mistake;
  }
}

TEST(BrokerOptions, ThatContradictEachOtherAreRefused) {
  EXPECT_THAT(check(parse({"--limits-payload-max", "24MiB"}).options).error().message,
              HasSubstr("limits.frame_max"));
  EXPECT_THAT(check(parse({"--limits-payload-max", "17MiB"}).options).error().message, HasSubstr("8MiB"));
  EXPECT_THAT(check(parse({"--worker-lease", "5s"}).options).error().message, HasSubstr("worker.heartbeat"));
  EXPECT_THAT(check(parse({"--journal-segment-size", "16MiB"}).options).error().message,
              HasSubstr("journal.segment_size"));
  EXPECT_THAT(check(parse({"--journal-segment-size", "100MB"}).options).error().message,
              HasSubstr("journal.segment_size"));
}

}  // namespace
}  // namespace joinery::broker::server
