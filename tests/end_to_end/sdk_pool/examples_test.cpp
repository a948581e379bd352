// The examples of pools and executors, run as their readers would.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::EndsWith;

class PoolExamples : public ::testing::Test {
 protected:
  Stack stack;

  Finished example(const std::string& name, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), program("example_" + name));
    return run(std::move(arguments), {.environment = {{"JOINERY_ENDPOINT", stack.endpoint()}},
                                      .directory = stack.dir().path(),
                                      .input = {},
                                      .ready = false});
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(stack.dir() / name, std::ios::binary) << content;
  }
};

TEST_F(PoolExamples, PoolApplyAsyncPrintsResultsInOrderAndEndsWhatIsTooSlow) {
  const Finished finished = example("pool_apply_async", {"8"});
  EXPECT_EQ(finished.out, "0\n1\n1\n2\n3\n5\n8\n13\nhard_time_limit\n") << finished.err;
}

TEST_F(PoolExamples, CallbacksParseEachPageAndTellWhichCouldNotBeFetched) {
  write("a.html", "<html><title>First</title></html>");
  write("b.html", "<html><title>Second</title></html>");
  const Finished finished = example("callbacks", {"a.html", "b.html", "missing.html"});
  EXPECT_EQ(finished.out, "a.html: First\nb.html: Second\nmissing.html: error: cannot read missing.html\n")
      << finished.err;
}

TEST_F(PoolExamples, AsCompletedCountsPrimesAndTellsTheError) {
  const Finished finished = example("as_completed");
  EXPECT_THAT(finished.out, EndsWith("2 primes\n")) << finished.err;
  EXPECT_NE(finished.out.find("an error: negative\n"), std::string::npos);
}

TEST_F(PoolExamples, ThumbnailsAreWrittenForEachImage) {
  write("wide.ppm", "P6\n4 2\n255\n" + std::string(4 * 2 * 3, '\x7f'));
  write("small.ppm", "P6\n1 1\n255\nabc");
  std::filesystem::create_directory(stack.dir() / "out");
  const Finished finished = example("thumbnails", {"out", "2", "wide.ppm", "small.ppm"});
  EXPECT_EQ(finished.out, "wide.ppm 2x1\nsmall.ppm 1x1\n") << finished.err;
  EXPECT_EQ(std::filesystem::file_size(stack.dir() / "out/wide.ppm"),
            std::string("P6\n2 1\n255\n").size() + 6);
}

}  // namespace
}  // namespace joinery::testing
