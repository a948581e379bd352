// A request that is repeated is answered as it was the first time, whatever became of its object since.
#include <gmock/gmock.h>

#include "broker_peer.h"
#include "shared/protocol/group.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using protocol::Value;

Value nightly() {
  Value map = Value::map();
  map.set("schedule", "nightly");
  return map;
}

TEST(Repeated, RunAndResumeOfAScheduleThatWasDeletedSinceAreNotRefused) {
  Stack stack({"--redis-url", "none"});
  BrokerPeer client(stack.endpoint());
  client.hello(SessionId{8, 1});
  const std::vector<std::string> payloads{"\xc0"};
  Buffer group;
  protocol::encode_group(group_of(payloads).front(), group);
  ASSERT_TRUE(
      client.request(1, "schedule.set", nightly().set("cron", "0 3 * * *").set("group", Value::bin(group))));
  ASSERT_TRUE(client.request(2, "schedule.pause", nightly()));
  ASSERT_TRUE(client.request(3, "schedule.resume", nightly()));
  const auto run = client.request(4, "schedule.run", nightly());
  ASSERT_TRUE(run);
  ASSERT_TRUE(client.request(5, "schedule.delete", nightly()));

  EXPECT_TRUE(client.request(3, "schedule.resume", nightly()));
  EXPECT_EQ(client.request(4, "schedule.run", nightly()), run);
  for (const auto& [sequence, verb] : {std::pair(6, "schedule.run"), std::pair(7, "schedule.resume")}) {
    const auto refused = client.request(static_cast<std::uint64_t>(sequence), verb, nightly());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unknown_schedule);
    EXPECT_EQ(refused.error().field, "schedule");
  }
}

TEST(Repeated, ConfigureThatKeepsAModeIsNotRefusedWhenTheModeHasChangedSince) {
  Stack stack({"--redis-url", "none"});
  BrokerPeer client(stack.endpoint());
  client.hello(SessionId{8, 1});
  const auto configure = [](const char* mode, bool keep) {
    Value map = Value::map();
    map.set("queue", "stack").set("mode", mode).set("keep_mode", keep);
    return map;
  };
  ASSERT_TRUE(client.request(1, "queue.configure", configure("fifo", true)));
  ASSERT_TRUE(client.request(2, "queue.configure", configure("lifo", false)));

  EXPECT_TRUE(client.request(1, "queue.configure", configure("fifo", true)));
  const auto refused = client.request(3, "queue.configure", configure("fifo", true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_state);
  EXPECT_EQ(refused.error().field, "mode");
}

}  // namespace
}  // namespace joinery::testing
