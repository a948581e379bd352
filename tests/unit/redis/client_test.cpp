// The blocking client, with a real Redis.
#include <gmock/gmock.h>
#include <time.h>

#include "tests/support/redis_server.h"

namespace joinery::redis {
namespace {

using ::testing::HasSubstr;
using testing::RedisServer;
using Kind = Value::Kind;

constexpr Script echo_script("return {KEYS[1], ARGV[1]}");

TEST(RedisClient, AnswersACommand) {
  RedisServer server;
  Client client(server.url());
  EXPECT_EQ(client.command({"SET", "a", std::string_view("x\0y\r\n", 5)})->text, "OK");
  EXPECT_EQ(client.command({"GET", "a"})->text, std::string("x\0y\r\n", 5));
  EXPECT_EQ(client.command({"GET", "b"})->kind, Kind::nil);
  EXPECT_EQ(client.command({"INCRBY", "n", "-7"})->integer, -7);
}

TEST(RedisClient, GivesAnErrorOfTheServerAsAValue) {
  RedisServer server;
  Client client(server.url());
  const auto reply = client.command({"NONSENSE"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->kind, Kind::error);
  EXPECT_THAT(reply->text, HasSubstr("unknown command"));
}

TEST(RedisClient, SendsManyCommandsInOneRoundTrip) {
  RedisServer server;
  Client client(server.url());
  std::vector<std::vector<std::string>> commands;
  for (int i = 0; i < 5000; ++i) commands.push_back({"SET", std::to_string(i), std::string(1000, 'x')});
  commands.push_back({"DBSIZE"});
  const auto replies = client.pipeline(commands);
  ASSERT_TRUE(replies);
  ASSERT_EQ(replies->size(), 5001U);
  EXPECT_EQ(replies->back().integer, 5000);
}

TEST(RedisClient, SendsAScriptTheServerDoesNotHave) {
  RedisServer server;
  Client client(server.url());
  for (int i = 0; i < 2; ++i) {
    const auto reply = client.eval(echo_script, std::vector<Bytes>{"key"}, std::vector<Bytes>{"argument"});
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->list.size(), 2U) << reply->text;
    EXPECT_EQ(reply->list[0].text, "key");
    EXPECT_EQ(reply->list[1].text, "argument");
  }
  EXPECT_EQ(client.command({"SCRIPT", "EXISTS", echo_script.digest_text()})->list.at(0).integer, 1);
}

TEST(RedisClient, UsesPasswordAndDatabaseOfTheUrl) {
  RedisServer server({"--requirepass", "secret"});
  Url url = server.url();
  EXPECT_THAT(Client(url).command({"PING"}).error().message, HasSubstr("NOAUTH"));
  url.password = "wrong";
  EXPECT_THAT(Client(url).command({"PING"}).error().message, HasSubstr("WRONGPASS"));
  url.password = "secret";
  ASSERT_TRUE(Client(url).command({"SET", "a", "in 0"}));
  url.database = 3;
  EXPECT_EQ(Client(url).command({"GET", "a"})->kind, Kind::nil);
}

TEST(RedisClient, FailsAtOnceWhereNobodyListens) {
  Url url;
  url.path = "/nonexistent/redis.sock";
  const auto reply = Client(url).command({"PING"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::redis_unreachable);
  EXPECT_THAT(reply.error().message, HasSubstr("unix:///nonexistent/redis.sock: No such file"));
}

TEST(RedisClient, ConnectsAgainAfterTheServerCameBack) {
  RedisServer server;
  Client client(server.url());
  ASSERT_TRUE(client.command({"PING"}));
  server.kill();
  EXPECT_EQ(client.command({"PING"}).error().code, Code::redis_unreachable);
  server.start();
  EXPECT_TRUE(client.command({"PING"}));
}

TEST(RedisClient, NoticesBeforehandThatAnIdleConnectionWasClosed) {
  RedisServer server;
  Client client(server.url());
  ASSERT_TRUE(client.command({"PING"}));
  server.kill();
  server.start();
  EXPECT_TRUE(client.command({"PING"}));
}

TEST(RedisClient, GivesUpOnASilentServerAndDoesNotTakeItsLateAnswer) {
  RedisServer server;
  Client client(server.url(), std::chrono::milliseconds(50));
  ASSERT_TRUE(client.command({"SET", "a", "1"}));
  server.freeze();
  const auto reply = client.command({"GET", "a"});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("did not answer within 50 ms"));
  server.thaw();
  Client patient(server.url());
  ASSERT_TRUE(patient.command({"PING"}));
  EXPECT_EQ(client.command({"ECHO", "b"})->text, "b");
}

// A call looks for its answer for a moment before it sleeps; the moment must not become a habit.
TEST(RedisClient, SleepsWhileTheServerLetsItWait) {
  RedisServer server;
  Client client(server.url());
  const auto cpu_ms = [] {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1'000'000;
  };
  const auto before = cpu_ms();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.command({"PING"}));
    EXPECT_TRUE(client.command({"BLPOP", "nothing", "0.05"}));
  }
  EXPECT_LT(cpu_ms() - before, 200) << "of a second";
}

TEST(RedisClient, TriesEveryAddressOfAName) {
  // Where localhost is ::1 as well, only the second address has a listener.
  std::string port;
  for (int candidate = 21'000 + ::getpid() % 20'000;; ++candidate) {
    port = std::to_string(candidate);
    Url url;
    url.host = "127.0.0.1";
    url.port = static_cast<std::uint16_t>(candidate);
    if (!Client(url).command({"PING"})) break;
  }
  RedisServer server({"--port", port, "--bind", "127.0.0.1"});
  const auto url = parse_url("redis://localhost:" + port);
  ASSERT_TRUE(url);
  EXPECT_EQ(Client(*url).command({"PING"})->text, "PONG");
}

}  // namespace
}  // namespace joinery::redis
