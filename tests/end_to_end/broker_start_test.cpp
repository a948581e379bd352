// How a broker starts, and how it says that it cannot.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "broker/journal/format.h"
#include "broker_peer.h"
#include "shared/redis/redis.h"
#include "tests/support/redis_server.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

class BrokerStart : public ::testing::Test {
 protected:
  std::vector<std::string> argv(const std::vector<std::string>& flags) {
    std::vector<std::string> all{program("joinery-broker")};
    const auto given = [&](const std::string& flag) { return std::ranges::find(flags, flag) != flags.end(); };
    if (!given("--endpoint")) all.insert(all.end(), {"--endpoint", endpoint_});
    if (!given("--data-dir")) all.insert(all.end(), {"--data-dir", dir_ / "data"});
    all.insert(all.end(), flags.begin(), flags.end());
    return all;
  }
  Finished broker(const std::vector<std::string>& flags) { return run(argv(flags)); }

  TempDir dir_;
  std::string endpoint_ = "ipc://" + (dir_ / "socket");
};

TEST_F(BrokerStart, SaysThatThePortIsTaken) {
  Stack stack({"--redis-url", "none"});
  const Finished second = broker({"--endpoint", stack.endpoint(), "--redis-url", "none"});
  EXPECT_EQ(second.status, 80) << second.err;
  EXPECT_THAT(second.err, HasSubstr(stack.endpoint()));
}

TEST_F(BrokerStart, SaysThatTheDataDirectoryIsUsedByAnother) {
  Stack stack({"--redis-url", "none"});
  const Finished second = broker({"--data-dir", stack.data_dir(), "--redis-url", "none"});
  EXPECT_EQ(second.status, 81) << second.err;
}

TEST_F(BrokerStart, SaysThatRedisIsMissing) {
  const Finished missing = broker({"--redis-server", "no-such-server"});
  EXPECT_EQ(missing.status, 83) << missing.err;
  EXPECT_THAT(missing.err, HasSubstr("no-such-server was not found in PATH"));
  const Finished silent = broker({"--redis-url", "unix://" + (dir_ / "nobody"), "--redis-patience", "10ms"});
  EXPECT_EQ(silent.status, 83) << silent.err;
}

TEST_F(BrokerStart, SaysWhatIsWrongWithTheConfiguration) {
  std::ofstream(dir_ / "broker.toml") << "[journal]\nsegmentsize = \"64MiB\"\n";
  const Finished misspelt = broker({"--config", dir_ / "broker.toml"});
  EXPECT_EQ(misspelt.status, 78) << misspelt.err;
  EXPECT_THAT(misspelt.err, HasSubstr("segment_size"));
  EXPECT_EQ(broker({"--worker-lease", "1s"}).status, 78);
  EXPECT_EQ(broker({"--endpoint", "nonsense", "--redis-url", "none"}).status, 64);
  std::ofstream(dir_ / "broker.toml") << "\nendpoint = \"tcp://127.0.0.1:99999\"\n";
  const Finished port = run({program("joinery-broker"), "--config", dir_ / "broker.toml"});
  EXPECT_EQ(port.status, 78) << port.err;
  EXPECT_THAT(port.err,
              HasSubstr("broker.toml:2: endpoint: \"tcp://127.0.0.1:99999\" is no endpoint: its port"));
}

TEST_F(BrokerStart, SaysThatTheDirectoryCannotBeMade) {
  std::ofstream(dir_ / "file") << "x";
  EXPECT_EQ(broker({"--data-dir", dir_ / "file/data"}).status, 74);
}

// The system would end it by a signal that says nothing.
TEST_F(BrokerStart, ALimitOnTheSizeOfFilesIsToldAsAFullDisk) {
  std::vector<std::string> limited{"sh", "-c", "ulimit -f 1000; exec \"$0\" \"$@\""};
  const auto words = argv({"--redis-url", "none"});
  limited.insert(limited.end(), words.begin(), words.end());
  const Finished refused = run(limited);
  EXPECT_EQ(refused.status, 73) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("File too large"));
}

TEST_F(BrokerStart, TellsItsHealth) {
  Stack stack({"--redis-url", "none"});
  EXPECT_EQ(broker({"--health", "--endpoint", stack.endpoint()}).status, 0);
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  EXPECT_EQ(broker({"--health", "--endpoint", stack.endpoint()}).status, 1);
}

TEST_F(BrokerStart, WritesTheBoundEndpointWhenItIsReady) {
  Process process(argv({"--endpoint", "tcp://127.0.0.1:0", "--redis-url", "none", "--ready-fd", "9"}),
                  {.environment = {}, .directory = {}, .input = {}, .ready = true});
  const std::string endpoint = process.wait_ready();
  EXPECT_FALSE(endpoint.ends_with(":0")) << endpoint;
  BrokerPeer peer(endpoint);
  EXPECT_EQ(peer.hello({7, 1}).epoch, 1U);
}

TEST_F(BrokerStart, GivesSessionsItsPrivateRedisAndTakesItAlong) {
  Stack stack;
  std::string url;
  {
    BrokerPeer peer(stack.endpoint());
    url = peer.hello({7, 1}).redis_url;
  }
  redis::Client client(*redis::parse_url(url));
  EXPECT_EQ(client.command({"PING"})->text, "PONG");
  ASSERT_TRUE(client.command({"SET", "kept", "yes"}));

  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  stack.start_broker();  // waits until the Redis of the last life is gone
  redis::Client next(*redis::parse_url(url));
  EXPECT_EQ(next.command({"GET", "kept"})->text, "yes");

  stack.broker().signal(SIGTERM);
  EXPECT_EQ(stack.broker().wait(), 0);
  EXPECT_FALSE(next.command({"PING"}));
}

TEST_F(BrokerStart, ReadsTheQueuesAndTheLogLevelOfItsFileAgainOnSighup) {
  const std::string file = dir_ / "broker.toml";
  std::ofstream(file) << "[queues]\ncreate = false\n[queue.mail]\nmode = \"lifo\"\n";
  Stack stack({"--redis-url", "none", "--config", file});
  BrokerPeer peer(stack.endpoint());
  peer.hello({7, 1}, protocol::Role::tool);
  EXPECT_EQ(peer.submit(1, {"a"}, "nobody").groups.at(0).error.value_or(Error{}).code, Code::unknown_queue);

  std::ofstream(file)
      << "[queues]\ncreate = false\n[queue.mail]\nmode = \"priority\"\n[queue.more]\nmaxsize = 7\n"
         "[log]\nlevel = \"error\"\n";
  stack.broker().signal(SIGHUP);
  std::uint64_t sequence = 1;
  protocol::Value mail = protocol::Value::map();
  mail.set("queue", "mail");
  EXPECT_TRUE(
      eventually([&] { return peer.request(++sequence, "queue.show", mail)->str("mode") == "priority"; }));
  EXPECT_EQ(peer.submit(++sequence, {"a"}, "more").groups.at(0).count, 1U);
  stack.broker().signal(SIGTERM);
  EXPECT_EQ(stack.broker().wait(), 0);
  EXPECT_THAT(stack.broker().err(), HasSubstr("ready at"));
  EXPECT_THAT(stack.broker().err(), ::testing::Not(HasSubstr("stopped: all is on disk")));
}

TEST_F(BrokerStart, ListsManyQueuesInPagesByName) {
  const std::string file = dir_ / "broker.toml";
  std::ofstream config(file);
  for (int i = 0; i < 1100; ++i) config << "[queue.q" << i << "]\n";
  config.close();
  Stack stack({"--redis-url", "none", "--config", file});
  const std::string all = stack.joinery({"--json", "queue", "ls"}).out;
  std::size_t listed = 0;
  for (std::size_t at = 0; (at = all.find("\"name\":\"q", at)) != std::string::npos; ++at) ++listed;
  EXPECT_EQ(listed, 1100U);

  BrokerPeer peer(stack.endpoint());
  peer.hello({7, 1}, protocol::Role::tool);
  protocol::Value page = protocol::Value::map();
  page.set("after", "q10");
  page.set("most", 2U);
  const auto reply = peer.request(1, "queue.list", page);
  const auto queues = reply->array("queues");
  ASSERT_EQ((*queues)->size(), 2U);
  EXPECT_EQ((*queues)->at(0).str("name"), "q100");
  EXPECT_EQ((*queues)->at(1).str("name"), "q1000");
}

TEST_F(BrokerStart, TellsThatYourRedisIsAwayAndBack) {
  RedisServer redis;
  Stack stack({"--redis-url", redis.url_text()});
  const auto status = [&] { return stack.joinery({"status"}).out; };
  EXPECT_TRUE(eventually([&] { return status().find("yours, up") != std::string::npos; }));
  redis.kill();
  EXPECT_TRUE(eventually([&] { return status().find("yours, AWAY (Redis at") != std::string::npos; }));
  EXPECT_THAT(stack.broker().err(), HasSubstr("takes no results"));
  redis.start();
  EXPECT_TRUE(eventually([&] { return status().find("yours, up") != std::string::npos; }));
  EXPECT_THAT(stack.broker().err(), HasSubstr("takes results again"));
}

TEST_F(BrokerStart, RefusesADirectoryOfANewerVersion) {
  broker::journal::Meta meta;
  meta.version = broker::journal::format_version + 1;
  meta.segment_bytes = 1U << 26U;
  std::filesystem::create_directory(dir_ / "data");
  std::ofstream(dir_ / "data/meta", std::ios::binary) << broker::journal::encode_meta(meta);
  const Finished refused = broker({"--redis-url", "none"});
  EXPECT_EQ(refused.status, 84) << refused.err;
}

TEST_F(BrokerStart, NamesThePlaceOfADamagedJournal) {
  {
    Stack stack({"--redis-url", "none"});
    BrokerPeer peer(stack.endpoint());
    peer.hello({7, 1});
    for (std::uint64_t i = 1; i <= 20; ++i) peer.submit(i, {std::string(1000, 'x')});
    stack.broker().signal(SIGTERM);
    stack.broker().wait();
    std::filesystem::copy(stack.data_dir(), dir_ / "data", std::filesystem::copy_options::recursive);
  }
  {
    std::fstream segment(dir_ / "data/segment-0000000000000000",
                         std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(6000);
    segment << "flipped";
  }
  const Finished damaged = broker({"--redis-url", "none"});
  EXPECT_EQ(damaged.status, 82) << damaged.err;
  EXPECT_THAT(damaged.err, HasSubstr("segment-"));
  EXPECT_THAT(damaged.err, HasSubstr("offset"));
}

}  // namespace
}  // namespace joinery::testing
