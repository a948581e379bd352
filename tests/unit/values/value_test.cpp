#include "shared/values/joinery/value.h"

#include "fixture.h"
#include "shared/values/joinery/counter.h"
#include "shared/values/joinery/dict.h"
#include "shared/values/joinery/list.h"
#include "shared/values/joinery/namespace.h"
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

// Adds, which must be refused, and looks whether the value is what it was.
template <typename T, typename F>
std::string refused(joinery::Value<T>& value, F add) {
  const T before = value.get();
  const std::string why = thrown<ValueError>([&] { add(value); });
  EXPECT_EQ(value.get(), before);
  return why;
}

TEST_F(Values, ASumThatIsNoValueOfItsTypeIsRefusedAndChangesNothing) {
  joinery::Value<int> top(manager(), "top", 2147483647);
  EXPECT_EQ(refused(top, [](auto& v) { v += 1; }),
            "top: 2147483647 plus 1 is not an integer from -2147483648 to 2147483647");
  EXPECT_EQ(refused(top, [](auto& v) { v += 3'000'000'000LL; }),
            "top: 2147483647 plus 3000000000 is not an integer from -2147483648 to 2147483647");
  EXPECT_EQ(top -= 3'000'000'000LL, -852516353);  // the sum must be an int, not what is added
  joinery::Value<std::uint8_t> small(manager(), "small", 250);
  EXPECT_EQ(refused(small, [](auto& v) { v += 10; }), "small: 250 plus 10 is not an integer from 0 to 255");
  EXPECT_EQ(small += -250, 0);
  EXPECT_EQ(refused(small, [](auto& v) { --v; }), "small: 0 plus -1 is not an integer from 0 to 255");
  joinery::Value<double> real(manager(), "real", 0.5);
  EXPECT_EQ(real += 1, 1.5);
}

TEST_F(Values, SumsAreExactTo64SignedBits) {
  joinery::Value<std::int64_t> wide(manager(), "wide", INT64_MAX);
  const std::string bounds = "to 9223372036854775807 (Redis adds signed integers of 64 bits)";
  EXPECT_EQ(refused(wide, [](auto& v) { v += 1; }),
            "wide: 9223372036854775807 plus 1 is not an integer from -9223372036854775808 " + bounds);
  EXPECT_EQ(wide -= 1, INT64_MAX - 1);
  EXPECT_EQ(wide -= INT64_MAX, -1);
  EXPECT_EQ(wide += INT64_MIN + 1, INT64_MIN);
  EXPECT_EQ(wide += 999'999'999'999'999, INT64_MIN + 999'999'999'999'999);
  joinery::Value<std::uint64_t> huge(manager(), "huge", UINT64_MAX - 1);
  EXPECT_EQ(refused(huge, [](auto& v) { v += 1; }),
            "huge: 18446744073709551614 plus 1 is not an integer from 0 " + bounds);
  EXPECT_EQ(huge.update([](auto n) { return n + 1; }), UINT64_MAX);
}

TEST_F(Values, EveryContainerRefusesSumsThatAreNoneOfItsElements) {
  Dict<std::string, unsigned> stock(manager(), "stock");
  EXPECT_THAT(thrown<ValueError>([&] { stock["apple"] -= 2; }), StartsWith("stock[apple]: 0 plus -2 is not"));
  EXPECT_FALSE(stock.contains("apple"));
  List<std::int8_t> list(manager(), "list");
  list.append(-128);
  EXPECT_THAT(thrown<ValueError>([&] { list[0] -= 1; }), StartsWith("list[0]: -128 plus -1 is not"));
  EXPECT_EQ(list.get(0), -128);
  Namespace config(manager(), "config");
  config.set("half", 0.5);
  config.set("name", "x");
  EXPECT_EQ(thrown<TypeError>([&] { config.add("half", 1); }),
            "config[half]: expected an integer to add to, found a float");
  EXPECT_EQ(thrown<TypeError>([&] { config.add("name", 0.5); }),
            "config[name]: expected a number to add to, found a text");
  EXPECT_EQ(config.get<double>("half"), 0.5);
  config.set("n", 3);
  EXPECT_EQ(config.add("n", 0.5), 3.5);  // a float from now on, as Python's
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
