// What cmake --install puts in place, used as a stranger would: from a project outside the tree.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

void must_run(std::vector<std::string> argv) {
  const Finished finished = run(std::move(argv));
  ASSERT_EQ(finished.status, 0) << finished.out << finished.err;
}

TEST(Installation, puts_programs_and_configuration_in_place) {
  const TempDir dir;
  const std::string prefix = dir / "prefix";
  for (const char* component : {"programs", "config"}) {
    must_run({CMAKE, "--install", BUILD_DIR, "--prefix", prefix, "--component", component});
  }
  for (const char* name : {"joinery", "joinery-broker", "joinery-worker"}) {
    const Finished finished = run({prefix + "/bin/" + name, "--version"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr(name));
  }
  for (const auto& file : std::filesystem::directory_iterator(CONFIG_DIR)) {
    EXPECT_TRUE(
        std::filesystem::exists(std::filesystem::path(prefix) / "etc/joinery" / file.path().filename()))
        << file.path();
  }
}

TEST(Installation, a_project_outside_the_tree_builds_a_worker_and_gets_its_result) {
  const TempDir dir;
  const std::string prefix = dir / "prefix";
  const std::string build = dir / "build";
  const std::string project = dir / "project";
  must_run({CMAKE, "--install", BUILD_DIR, "--prefix", prefix, "--component", "sdk"});
  std::filesystem::copy(EXAMPLES_DIR "/add_worker", project);
  must_run(
      {CMAKE, "-S", project, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix, "-DCMAKE_CXX_FLAGS=" CXX_FLAGS});
  must_run({CMAKE, "--build", build, "--parallel", "2"});

  Stack stack;
  stack.start_worker({"--processes", "1"}, build + "/add-worker");
  const Finished own = run({build + "/add-submit", stack.endpoint()});
  EXPECT_EQ(own.out, "add(2, 3) = 5\n") << own.err;

  // The same handler through the command line.
  const Finished line = stack.joinery({"submit", "--wait", "--json-args", "add", "2", "3"});
  EXPECT_THAT(line.out, HasSubstr("5")) << line.err;
}

}  // namespace
}  // namespace joinery::testing
