// Payloads that the command line makes: templates, items, JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/cli/template.h"

namespace joinery::cli {
namespace {

std::string as_json(const Buffer& payload) { return to_line(from_msgpack(payload).value()); }

SubmissionFlags handler(const std::string& name) {
  SubmissionFlags flags;
  flags.handler = name;
  return flags;
}

TEST(Payload, OfExecIsTheCommand) {
  SubmissionFlags flags = handler("exec");
  flags.environment = {"A=b=c"};
  flags.directory = "/tmp/../var";
  EXPECT_EQ(as_json(payload(flags, {"wc", "-c"}, "input")),
            R"({"argv":["wc","-c"],"stdin":"input","env":{"A":"b=c"},"cwd":"/var"})");
}

TEST(Payload, OfExecNeedsACommandAndVariablesWithNames) {
  SubmissionFlags flags = handler("exec");
  EXPECT_THROW(payload(flags, {}), ClientError);
  flags.environment = {"=b"};
  EXPECT_THROW(payload(flags, {"true"}), ClientError);
}

TEST(Payload, OfAnotherHandlerIsItsArgumentsAsTextOrJson) {
  SubmissionFlags flags = handler("add");
  EXPECT_EQ(as_json(payload(flags, {"2", "[3]", "x"})), R"(["2","[3]","x"])");
  flags.json_args = true;
  EXPECT_EQ(as_json(payload(flags, {"2", "[3]", "x"})), R"([2,[3],"x"])");
}

TEST(Template, PutsTheItemInEveryPlace) {
  const SubmissionFlags flags = handler("exec");
  EXPECT_EQ(as_json(Template(flags, {"cp", "{}", "{}.bak"}).payload("a b")),
            R"({"argv":["cp","a b","a b.bak"]})");
}

TEST(Template, WithoutAPlaceHasTheItemAtItsEnd) {
  const SubmissionFlags flags = handler("exec");
  EXPECT_EQ(as_json(Template(flags, {"wc", "-c"}).payload("f")), R"({"argv":["wc","-c","f"]})");
  EXPECT_EQ(as_json(Template(flags, {}).payload(Json{"wc", "f", 3})), R"({"argv":["wc","f","3"]})");
}

TEST(Template, KeepsTheTypeOfAJsonItem) {
  const SubmissionFlags flags = handler("resize");
  EXPECT_EQ(as_json(Template(flags, {}).payload(Json{"a.jpg", 75})), R"(["a.jpg",75])");
  EXPECT_EQ(as_json(Template(flags, {}).payload(Json(75))), "[75]");
  EXPECT_EQ(as_json(Template(flags, {"{}", "x{}"}).payload(Json{1, 2})), R"([[1,2],"x[1,2]"])");
}

TEST(Options, FollowFlagsThenSettings) {
  SubmissionFlags flags = handler("exec");
  Settings settings;
  settings.queue = "mail";
  EXPECT_EQ(submit_options(flags, settings, {}).queue, "mail");
  EXPECT_EQ(submit_options(flags, settings, {}).spec.result_ttl_s, 86'400U);
  flags.queue = "web";
  flags.keep_result = milliseconds(1);
  flags.expires_in = milliseconds(5000);
  const SubmitOptions options = submit_options(flags, settings, Wall(std::chrono::seconds(10)));
  EXPECT_EQ(options.queue, "web");
  EXPECT_EQ(options.spec.result_ttl_s, 1U);
  EXPECT_EQ(options.expires_at, Wall(std::chrono::seconds(15)));
}

}  // namespace
}  // namespace joinery::cli
