// What cmake --install puts in place, used as a stranger would: from a project outside the tree.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

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

// Each header that a user may include finds all that it includes itself.
TEST(Installation, every_public_header_compiles_outside_the_tree) {
  namespace fs = std::filesystem;
  const TempDir dir;
  const fs::path prefix = dir / "prefix";
  const fs::path project = dir / "project";
  must_run({CMAKE, "--install", BUILD_DIR, "--prefix", prefix, "--component", "sdk"});
  fs::create_directory(project);
  std::ofstream source(project / "all.cpp");
  for (const auto& header : fs::directory_iterator(prefix / "include/joinery/joinery")) {
    source << "#include <joinery/" << header.path().filename().string() << ">\n";
  }
  source << "int main() { return joinery::JoinableQueue<int>::Timeout().has_value() ? 1 : 0; }\n";
  source.close();
  std::ofstream(project / "CMakeLists.txt") << "cmake_minimum_required(VERSION 3.25)\n"
                                               "project(headers CXX)\n"
                                               "find_package(joinery REQUIRED)\n"
                                               "add_executable(headers all.cpp)\n"
                                               "target_link_libraries(headers PRIVATE joinery::joinery)\n";
  const fs::path build = dir / "build";
  must_run({CMAKE, "-S", project, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix.string(),
            "-DCMAKE_CXX_FLAGS=" CXX_FLAGS});
  must_run({CMAKE, "--build", build});
}

}  // namespace
}  // namespace joinery::testing
