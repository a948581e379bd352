#include "shared/transport/endpoint.h"

#include <gmock/gmock.h>

#include "shared/transport/transport.h"

namespace joinery::transport {
namespace {

using testing::HasSubstr;

TEST(Endpoint, IsAHostWithAPortOrAPath) {
  for (const char* good : {"tcp://127.0.0.1:7733", "tcp://[::1]:1", "tcp://broker:65535",
                           "ipc:///run/joinery", "ipc://@abstract"}) {
    EXPECT_TRUE(check_remote(good)) << good;
    EXPECT_TRUE(check_local(good)) << good;
  }
  for (const char* bad : {"", "5", "nonsense", "http://host:80", "tcp://", "tcp://host", "tcp://:7733",
                          "tcp://host:", "tcp://host:99999", "tcp://host:-1", "tcp://host:80x", "ipc://"}) {
    EXPECT_FALSE(check_remote(bad)) << bad;
    EXPECT_FALSE(check_local(bad)) << bad;
  }
}

TEST(Endpoint, MayLeaveThePortOpenToListenOnly) {
  for (const char* open : {"tcp://127.0.0.1:0", "tcp://*:0", "tcp://*:*"}) {
    EXPECT_TRUE(check_local(open)) << open;
    EXPECT_FALSE(check_remote(open)) << open;
  }
}

TEST(Endpoint, IsCheckedBeforeItIsUsed) {
  Context context;
  Router router(context, {});
  const auto bound = router.bind("tcp://127.0.0.1:99999");
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().message, HasSubstr("its port is \"99999\", expected a number from 1 to 65535"));
  Dealer dealer(context, {});
  EXPECT_FALSE(dealer.connect("tcp://127.0.0.1:99999"));
}

}  // namespace
}  // namespace joinery::transport
