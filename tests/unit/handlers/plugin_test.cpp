#include "worker/handlers/plugin.h"

#include <gmock/gmock.h>

#include "fake_context.h"

namespace joinery::handlers {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Error error_of(const std::string& file) {
  Registry registry;
  const auto loaded = load_plugin(file, registry);
  return loaded ? Error{Code::ok, {}, {}} : loaded.error();
}

TEST(Plugin, adds_its_handlers) {
  Registry registry;
  ASSERT_TRUE(load_plugin(GOOD_PLUGIN, registry));
  FakeContext context;
  ASSERT_NE(registry.find("plugged"), nullptr);
  EXPECT_EQ(unpack<int>((*registry.find("plugged"))(context, pack(20))), 21);
  EXPECT_THROW((*registry.find("plugged"))(context, pack("x")), MalformedPayload);
}

TEST(Plugin, a_file_that_is_missing_or_no_plug_in_is_named_with_the_reason) {
  EXPECT_EQ(error_of("/no/such.so").code, Code::invalid_config);
  EXPECT_THAT(error_of("/no/such.so").message, AllOf(HasSubstr("/no/such.so"), HasSubstr("No such file")));
  EXPECT_THAT(error_of("/etc/passwd").message, HasSubstr("invalid ELF header"));
  EXPECT_THAT(error_of(NO_PLUGIN).message, HasSubstr("it has no function joinery_plugin_abi"));
}

TEST(Plugin, one_for_another_interface_is_refused) {
  EXPECT_THAT(error_of(OLD_PLUGIN).message, HasSubstr("built for plug-in interface 999, expected"));
}

TEST(Plugin, one_whose_handlers_clash_is_refused) {
  Registry registry;
  registry.add("plugged", [](JobContext&, Bytes) { return Buffer(); });
  const auto loaded = load_plugin(GOOD_PLUGIN, registry);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("\"plugged\" is there twice"));
}

}  // namespace
}  // namespace joinery::handlers
