// Shared values and locks in handlers, and what the supervisor and the command line do with them.
#include <gmock/gmock.h>
#include <joinery/client.h>
#include <joinery/dict.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pack.h>

#include <nlohmann/json.hpp>

#include "tests/support/stack.h"

namespace joinery {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using testing::Stack;
using ::testing::StartsWith;

constexpr std::chrono::seconds limit(60);

struct Shared : ::testing::Test {
  Stack stack;
  Client client{stack.endpoint()};

  void start_worker(const std::string& processes = "3") {
    stack.start_worker({"--processes", processes}, SUBJECT);
  }
  SubmitOptions kept() const {
    SubmitOptions options;
    options.spec.result_ttl_s = 60;
    return options;
  }
  nlohmann::json locks() { return nlohmann::json::parse(stack.joinery({"lock", "ls", "--json"}).out); }
};

TEST_F(Shared, TenBuyersInPoolProcessesGetTwoTickets) {
  start_worker();
  Dict<std::string, int> shop(manager(client), "shop");
  shop["tickets"] = 2;
  std::vector<std::future<JobId>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(client.submit("sell", pack(), kept()));
  int sold = 0;
  for (auto& job : jobs) sold += unpack<bool>(client.result(job.get(), limit).value) ? 1 : 0;
  EXPECT_EQ(sold, 2);
  EXPECT_EQ(shop.get("tickets"), 0);
}

// Nobody waits for these locks, and their leases are of an hour: the supervisor frees them.
TEST_F(Shared, TheLocksOfADeliveryWhosePoolProcessDiedAreFree) {
  start_worker("1");
  const JobId job = client.submit("die_holding", pack(), kept()).get();
  EXPECT_EQ(unpack<int>(client.result(job, limit).value), 2);
  EXPECT_TRUE(eventually([&] { return locks().empty(); }));
}

TEST_F(Shared, TheCommandLineListsHolderTokenAndWaiters) {
  EXPECT_EQ(locks(), nlohmann::json::array());
  EXPECT_THAT(stack.joinery({"lock", "ls"}).out, HasSubstr("no locks are held or waited for"));
  start_worker("2");
  const JobId first = client.submit("hold", pack()).get();
  ASSERT_TRUE(eventually([&] { return locks().size() == 2; }));  // the lock, and the event that is waited for
  const JobId second = client.submit("hold", pack()).get();
  ASSERT_TRUE(eventually([&] { return locks()[1]["waiters"].size() == 1; }));
  const auto lock = locks()[1];
  EXPECT_EQ(lock["kind"], "lock");
  EXPECT_EQ(lock["name"], "held");
  EXPECT_THAT(lock["holders"][0]["owner"].get<std::string>(),
              StartsWith("job:" + std::to_string(first) + ":"));
  EXPECT_THAT(lock["holders"][0]["process"].get<std::string>(), StartsWith("process:"));
  EXPECT_GT(lock["holders"][0]["token"], 0);
  EXPECT_GT(lock["holders"][0]["since_ms"], 0);
  EXPECT_THAT(lock["waiters"][0]["owner"].get<std::string>(),
              StartsWith("job:" + std::to_string(second) + ":"));
  const std::string table = stack.joinery({"lock"}).out;
  EXPECT_THAT(table, HasSubstr("job " + std::to_string(first)));
  EXPECT_THAT(table, HasSubstr("job " + std::to_string(second)));
  Event(manager(client), "release").set();
  client.join_queue("default", limit);
  EXPECT_TRUE(eventually([&] { return locks().empty(); }));
}

}  // namespace
}  // namespace joinery
