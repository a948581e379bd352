// Many processes at one container: where Python's shared values lose updates (cpython 137233), these do not.
#include <mutex>

#include "fixture.h"
#include "shared/locks/joinery/locks.h"
#include "shared/values/joinery/values.h"

namespace joinery::values {
namespace {

TEST_F(Values, TenProcessesUpdateADictAndAList) {
  processes(10, [](Manager& on, int number) {
    Dict<int, std::string> dict(on, "dict");
    List<int> list(on, "list");
    dict.set(number, "process " + std::to_string(number));
    list.append(number);
  });
  Dict<int, std::string> dict(manager(), "dict");
  List<int> list(manager(), "list");
  list.sort();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(dict.get(i), "process " + std::to_string(i));
    EXPECT_EQ(list.get(i), i);
  }
  EXPECT_EQ(list.size(), 10U);
}

TEST_F(Values, AddingFromTenProcessesIsExact) {
  processes(10, [](Manager& on, int) {
    joinery::Value<int> value(on, "value");
    Dict<std::string, int> dict(on, "dict");
    Array<double> array(on, "array", 2);
    for (int i = 0; i < 100; ++i) {
      value += 1;
      dict["sum"] += 2;
      array[1] += 0.5;
    }
  });
  EXPECT_EQ(joinery::Value<int>(manager(), "value").get(), 1000);
  EXPECT_EQ((Dict<std::string, int>(manager(), "dict").get("sum")), 2000);
  EXPECT_EQ(Array<double>(manager(), "array", 2).get(1), 500.0);
}

TEST_F(Values, UpdatesFromTenProcessesAreRepeatedUntilTheyFit) {
  processes(10, [](Manager& on, int) {
    Dict<std::string, std::vector<int>> dict(on, "dict");
    List<int> list(on, "list");
    for (int i = 0; i < 10; ++i) {
      dict.update("all", [&](std::vector<int>& all) { all.push_back(i); }, {});
      list.update([&](std::vector<int>& all) { all.push_back(i); });
    }
  });
  EXPECT_EQ((Dict<std::string, std::vector<int>>(manager(), "dict").get("all").size()), 100U);
  EXPECT_EQ(List<int>(manager(), "list").size(), 100U);
}

TEST_F(Values, TenBuyersGetTwoTicketsUnderALock) {
  {
    Dict<std::string, int> shop(manager(), "shop");
    shop.set("tickets", 2);
  }
  processes(10, [](Manager& on, int) {
    Lock lock(on, "shop");
    Dict<std::string, int> shop(on, "shop");
    const std::lock_guard guard(lock);
    const int left = shop["tickets"];
    if (left == 0) return;
    shop.set("tickets", left - 1, lock.fence());
    shop["sold"] += 1;
  });
  Dict<std::string, int> shop(manager(), "shop");
  EXPECT_EQ(shop.get("tickets"), 0);
  EXPECT_EQ(shop.get("sold"), 2);
}

TEST_F(Values, AWriterWhoLostHisLockIsRefusedByItsFence) {
  Dict<std::string, int> shop(manager(), "shop");
  Lock lock(manager(), "shop", {.lease = 100ms});
  lock.acquire();
  const auto fence = lock.fence();
  server.freeze();
  EXPECT_TRUE(testing::eventually([&] { return lock.lost(); }));
  server.thaw();
  Lock other(manager(), "shop");
  other.acquire();
  shop.set("tickets", 1, other.fence());
  EXPECT_THROW(shop.set("tickets", 2, fence), StaleFence);
  EXPECT_EQ(shop.get("tickets"), 1);
}

}  // namespace
}  // namespace joinery::values
