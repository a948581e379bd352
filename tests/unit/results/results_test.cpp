#include "shared/results/results.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <thread>

#include "tests/support/redis_server.h"

namespace joinery::results {
namespace {

using testing::RedisServer;

constexpr SessionId broker{0x1234, 0xabcd};

Stored succeeded(JobId job, std::uint32_t epoch, std::uint32_t attempt, std::string value) {
  Stored stored;
  stored.token = {job, attempt, epoch};
  stored.value = std::move(value);
  stored.content_type = "application/msgpack";
  stored.worker = "host/1";
  stored.started = Wall(std::chrono::milliseconds(1'700'000'000'123));
  stored.finished = Wall(std::chrono::milliseconds(1'700'000'000'456));
  return stored;
}

struct Store {
  RedisServer server;
  redis::Pipeline pipeline{server.url()};
  redis::Client client{server.url()};

  // '1' written, '0' refused, '!' error; one per result, in order.
  std::string write(const std::vector<Write>& writes) {
    std::string seen;
    results::write(pipeline, broker, writes, [&](std::size_t index, const Result<bool>& done) {
      EXPECT_EQ(index, seen.size());
      seen.push_back(!done ? '!' : *done ? '1' : '0');
    });
    const Mono end = read_clocks().mono + std::chrono::seconds(10);
    while (seen.size() < writes.size() && read_clocks().mono < end) {
      pipeline.process(read_clocks());
      pollfd wait{pipeline.descriptor(), POLLIN, 0};
      if (pipeline.wants_write()) wait.events |= POLLOUT;
      if (seen.size() < writes.size()) ::poll(&wait, 1, 10);
    }
    return seen;
  }
  std::optional<Stored> read(JobId job) {
    auto found = results::read(client, broker, std::vector<JobId>{job});
    EXPECT_TRUE(found);
    return found->at(0);
  }
};

TEST(Results, ASuccessIsReadAsItWasWritten) {
  Store store;
  const Stored stored = succeeded(7, 2, 3, std::string("\0value\xff", 7));
  EXPECT_EQ(store.write({{stored, 60}}), "1");
  const auto found = store.read(7);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->token, stored.token);
  EXPECT_EQ(found->outcome, Outcome::succeeded);
  EXPECT_EQ(found->value, stored.value);
  EXPECT_EQ(found->content_type, stored.content_type);
  EXPECT_EQ(found->worker, stored.worker);
  EXPECT_EQ(found->started, stored.started);
  EXPECT_EQ(found->finished, stored.finished);
}

TEST(Results, AFailureIsReadAsItWasWritten) {
  Store store;
  Stored stored = succeeded(7, 1, 1, "");
  stored.outcome = Outcome::failed;
  stored.failure = {Code::process_died, "signal", "11: Segmentation fault", "host/1", "dossier"};
  EXPECT_EQ(store.write({{stored, 60}}), "1");
  const auto found = store.read(7);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->outcome, Outcome::failed);
  EXPECT_EQ(found->failure, stored.failure);
}

TEST(Results, AFailureMayHaveAValueBesideIt) {
  Store store;
  Stored stored = succeeded(7, 1, 1, "what it wrote");
  stored.outcome = Outcome::failed;
  stored.failure = {Code::handler_error, "exit status", "3", "host/1", ""};
  EXPECT_EQ(store.write({{stored, 60}}), "1");
  const auto found = store.read(7);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->failure, stored.failure);
  EXPECT_EQ(found->value, "what it wrote");
  EXPECT_EQ(store.write({{succeeded(7, 1, 2, "later"), 60}}), "1") << "the fence is where it always is";
  EXPECT_EQ(store.write({{stored, 60}}), "0");
}

TEST(Results, AWriteOfAnEarlierDeliveryIsRefused) {
  Store store;
  EXPECT_EQ(store.write({{succeeded(1, 5, 2, "new"), 60}}), "1");
  EXPECT_EQ(store.write({{succeeded(1, 5, 1, "late"), 60}}), "0");
  EXPECT_EQ(store.write({{succeeded(1, 4, 9, "late"), 60}}), "0");
  EXPECT_EQ(store.read(1)->value, "new");
  EXPECT_EQ(store.write({{succeeded(1, 5, 2, "again"), 60}}), "1");
  EXPECT_EQ(store.write({{succeeded(1, 6, 1, "newest"), 60}}), "1");
  EXPECT_EQ(store.read(1)->value, "newest");
}

TEST(Results, TheFenceIsComparedInAllItsBits) {
  Store store;
  constexpr std::uint32_t most = 0xffffffff;
  EXPECT_EQ(store.write({{succeeded(1, most, most, "a"), 60}}), "1");
  EXPECT_EQ(store.write({{succeeded(1, most, most - 1, "b"), 60}}), "0");
  EXPECT_EQ(store.write({{succeeded(1, most - 1, most, "b"), 60}}), "0");
  // Bytes above 127 and zeros, which a comparison by locale would get wrong.
  EXPECT_EQ(store.write({{succeeded(2, 0x00800000, 0x0100, "a"), 60}}), "1");
  EXPECT_EQ(store.write({{succeeded(2, 0x007fffff, 0x0100, "b"), 60}}), "0");
  EXPECT_EQ(store.write({{succeeded(2, 0x00800000, 0x00ff, "b"), 60}}), "0");
  EXPECT_EQ(store.write({{succeeded(2, 0x00800000, 0x0101, "b"), 60}}), "1");
}

TEST(Results, ManyAreWrittenAndReadAtOnce) {
  Store store;
  std::vector<Write> writes;
  std::vector<JobId> jobs;
  for (JobId job = 1; job <= 3500; ++job) {
    writes.push_back({succeeded(job, 1, 1, std::to_string(job)), 60});
    jobs.push_back(job);
  }
  EXPECT_EQ(store.write(writes), std::string(3500, '1'));
  jobs.push_back(999'999);
  const auto found = read(store.client, broker, jobs);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3501U);
  for (std::size_t i = 0; i < 3500; ++i) ASSERT_EQ((*found)[i]->value, std::to_string(i + 1));
  EXPECT_FALSE(found->back());
}

TEST(Results, ExpireAfterTheirTime) {
  Store store;
  EXPECT_EQ(store.write({{succeeded(1, 1, 1, "a"), 3600}}), "1");
  const auto left = store.client.command({"TTL", key(broker, 1)});
  ASSERT_TRUE(left);
  EXPECT_GT(left->integer, 3500);
  EXPECT_LE(left->integer, 3600);
}

TEST(Results, OfAnotherBrokerHaveOtherKeys) {
  EXPECT_EQ(key(broker, 12), "joinery:{0000000000001234000000000000abcd}:result:12");
  EXPECT_NE(key(broker, 12), key({0x1234, 0xabce}, 12));
}

TEST(Results, AreNotLostWhenRedisWasAwayAndTheCallerTriesAgain) {
  Store store;
  store.server.kill();
  const std::vector<Write> writes{{succeeded(1, 1, 1, "a"), 60}};
  int tries = 0;
  bool written = false;
  std::function<void(std::size_t, Result<bool>)> done = [&](std::size_t, const Result<bool>& ok) {
    if (ok) written = *ok;
    if (!ok) {
      ++tries;
      write(store.pipeline, broker, writes, done);
    }
  };
  write(store.pipeline, broker, writes, done);
  store.pipeline.process(read_clocks());
  EXPECT_FALSE(written);
  store.server.start();
  const Mono end = read_clocks().mono + std::chrono::seconds(10);
  while (!written && read_clocks().mono < end) {
    store.pipeline.process(read_clocks());
    pollfd wait{store.pipeline.descriptor(), POLLIN, 0};
    if (store.pipeline.wants_write()) wait.events |= POLLOUT;
    ::poll(&wait, 1, 1);
  }
  EXPECT_TRUE(written);
  EXPECT_LE(tries, 1) << "a caller that tries again at once does not spin";
}

TEST(Results, ThatAreNotOursAreTold) {
  Store store;
  ASSERT_TRUE(store.client.command({"SET", key(broker, 5), "not msgpack"}));
  const auto found = read(store.client, broker, std::vector<JobId>{5});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::wrong_type);
  EXPECT_THAT(found.error().message, ::testing::HasSubstr("job 5"));
  Buffer good;
  encode(succeeded(5, 1, 1, "value"), good);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode(Bytes(good).substr(0, size), 5)) << size;
  }
  EXPECT_TRUE(decode(good, 5));
}

}  // namespace
}  // namespace joinery::results
