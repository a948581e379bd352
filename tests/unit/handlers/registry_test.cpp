#include "worker/handlers/registry.h"

#include <gmock/gmock.h>

namespace joinery::handlers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Buffer nothing(JobContext&, Bytes) { return {}; }

TEST(Registry, finds_a_handler_by_its_name_and_lists_names_in_order) {
  Registry registry;
  registry.add("b", nothing);
  registry.add("a", nothing);
  EXPECT_NE(registry.find("a"), nullptr);
  EXPECT_EQ(registry.find("c"), nullptr);
  EXPECT_THAT(registry.names(), ElementsAre("a", "b"));
}

TEST(Registry, refuses_a_name_that_is_taken_or_not_valid) {
  Registry registry;
  registry.add("a", nothing);
  EXPECT_THAT([&] { registry.add("a", nothing); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("\"a\" is there twice")));
  EXPECT_THAT([&] { registry.add("", nothing); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("expected 1 to 255")));
  EXPECT_THROW(registry.add("x", Handler()), std::invalid_argument);
  EXPECT_THROW(registry.add("x", WaitingHandler()), std::invalid_argument);
}

}  // namespace
}  // namespace joinery::handlers
