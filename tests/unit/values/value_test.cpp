#include "shared/values/joinery/value.h"

#include "fixture.h"
#include "shared/values/joinery/counter.h"
#include "shared/values/joinery/dict.h"
#include "shared/values/scripts.h"

namespace joinery::values {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(Values, AValueIsMadeOnceAndShared) {
  joinery::Value<int> hits(manager(), "hits", 5);
  joinery::Value<int> same(manager(), "hits", 9);
  EXPECT_EQ(same, 5);
  same = 7;
  EXPECT_EQ(hits.get(), 7);
  EXPECT_EQ(hits += 3, 10);
  EXPECT_EQ(--hits, 9);
  EXPECT_EQ(hits.update([](int n) { return n * 2; }), 18);
  hits.clear();
  EXPECT_THROW((void)hits.get(), KeyError);
}

TEST_F(Values, ACounterCounts) {
  Counter counter(manager(), "counter");
  EXPECT_EQ(counter.increment(), 1);
  EXPECT_EQ(counter.increment(10), 11);
  EXPECT_EQ(counter.decrement(), 10);
  counter.reset();
  EXPECT_EQ(counter.get(), 0);
}

TEST_F(Values, AValueRefusesAnotherKindOfContainerAndAnOlderFence) {
  Dict<std::string, int>(manager(), "box").set("a", 1);
  joinery::Value<int> box(manager(), "box");
  EXPECT_EQ(thrown<TypeError>([&] { box.set(1); }), "box: expected a value, found a dict");
  EXPECT_EQ(thrown<TypeError>([&] { (void)box.get(); }), "box: expected a value, found a dict");
  joinery::Value<int> guarded(manager(), "guarded");
  guarded.set(2, 9);
  EXPECT_THROW(guarded.set(3, 8), StaleFence);
  EXPECT_EQ(guarded.get(), 2);
}

TEST_F(Values, ContainersCanHaveATimeToLive) {
  Dict<std::string, int> stock(manager(), "stock");
  EXPECT_FALSE(stock.expire(1h));
  stock.set("apple", 1);
  EXPECT_EQ(stock.ttl(), std::nullopt);
  EXPECT_TRUE(stock.expire(1h));
  EXPECT_LE(stock.ttl().value(), 1h);
  EXPECT_TRUE(stock.persist());
  stock.expire(1ms);
  EXPECT_TRUE(eventually([&] { return !stock.exists(); }));
}

TEST_F(Values, AnAnonymousContainerIsDeletedWithItsObject) {
  std::string name;
  {
    Dict<std::string, int> stock(manager());
    name = stock.name();
    EXPECT_THAT(name, StartsWith("anonymous-"));
    stock.set("apple", 1);
    EXPECT_EQ((Dict<std::string, int>(manager(), name).get("apple")), 1);
    Dict<std::string, int> moved = std::move(stock);
    EXPECT_EQ(moved.get("apple"), 1);
  }
  EXPECT_FALSE((Dict<std::string, int>(manager(), name).exists()));
  EXPECT_EQ(redis.command({"DBSIZE"})->integer, 0);
}

TEST_F(Values, AnAnonymousContainerOfADeadProcessIsDeletedWhenItIsNotRenewed) {
  processes(1, [](Manager& on, int) {
    Dict<std::string, int> stock(on);
    stock.set("apple", 1);
    ::_exit(0);  // without a destructor
  });
  const std::string list = anonymous_key(key_prefix(name_space));
  const auto names = redis.command({"ZRANGE", list, "0", "-1"})->list;
  ASSERT_EQ(names.size(), 1U);
  redis.command({"ZADD", list, "1", names[0].text});  // the time has passed
  const Dict<std::string, int> other(manager());
  EXPECT_FALSE((Dict<std::string, int>(manager(), names[0].text).exists()));
}

TEST_F(Values, RedisGoneIsAnExceptionAndWorkGoesOnWhenItIsBack) {
  Dict<std::string, int> stock(manager({.timeout = 200ms}), "stock");
  stock.set("apple", 1);
  server.kill();
  try {
    (void)stock.get("apple");
    FAIL();
  } catch (const Exception& error) {
    EXPECT_EQ(error.code(), Code::redis_unreachable);
  }
  server.start();
  stock.set("apple", 2);
  EXPECT_EQ(stock.get("apple"), 2);
  server.freeze();
  EXPECT_THROW((void)stock.get("apple"), Exception);
  server.thaw();
  EXPECT_EQ(stock.get("apple"), 2);
}

}  // namespace
}  // namespace joinery::values
