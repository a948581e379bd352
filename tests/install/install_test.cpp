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

  // One that throws: type and message reach the result, at once and later.
  const std::string job = stack.joinery({"submit", "--json-args", "mean", "[]"}).out;
  const Finished failed = stack.joinery({"result", job.substr(0, job.find('\n'))});
  EXPECT_EQ(failed.status, 2);
  EXPECT_THAT(failed.err, HasSubstr("joinery::Reject: there is no mean of nothing (handler_error)"));
  const Finished again = stack.joinery({"--json", "result", job.substr(0, job.find('\n'))});
  EXPECT_THAT(again.out, HasSubstr("there is no mean of nothing"));
}

// A project with one program, built against the installed package.
void must_build(const std::filesystem::path& dir, const std::string& prefix, const std::string& source) {
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "program.cpp") << source;
  std::ofstream(dir / "CMakeLists.txt") << "cmake_minimum_required(VERSION 3.25)\n"
                                           "project(program CXX)\n"
                                           "find_package(joinery REQUIRED)\n"
                                           "add_executable(program program.cpp)\n"
                                           "target_link_libraries(program PRIVATE joinery::joinery)\n";
  must_run({CMAKE, "-S", dir, "-B", dir / "build", "-DCMAKE_PREFIX_PATH=" + prefix,
            "-DCMAKE_CXX_FLAGS=" CXX_FLAGS});
  must_run({CMAKE, "--build", dir / "build"});
}

// The text between ```cpp and ```.
std::vector<std::string> cpp_blocks(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("```")) {
      inside = line == "```cpp";
      if (inside) blocks.emplace_back();
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

// A snippet without a main() is the inside of one, behind its includes.
std::string as_program(const std::string& snippet) {
  if (snippet.find("main(") != std::string::npos) return snippet;
  const std::size_t body = snippet.find('\n', snippet.rfind("#include")) + 1;
  return snippet.substr(0, body) + "int main() {\n" + snippet.substr(body) + "}\n";
}

TEST(Installation, what_the_readme_shows_compiles) {
  const TempDir dir;
  const std::string prefix = dir / "prefix";
  must_run({CMAKE, "--install", BUILD_DIR, "--prefix", prefix, "--component", "sdk"});
  const std::vector<std::string> blocks = cpp_blocks(README);
  ASSERT_EQ(blocks.size(), 2U);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    must_build(dir / ("block-" + std::to_string(i)), prefix, as_program(blocks[i]));
}

// Each header that a user may include finds all that it includes itself.
TEST(Installation, every_public_header_compiles_outside_the_tree) {
  namespace fs = std::filesystem;
  const TempDir dir;
  const fs::path prefix = dir / "prefix";
  must_run({CMAKE, "--install", BUILD_DIR, "--prefix", prefix, "--component", "sdk"});
  std::string source;
  for (const auto& header : fs::directory_iterator(prefix / "include/joinery/joinery"))
    source += "#include <joinery/" + header.path().filename().string() + ">\n";
  source += "int main() { return joinery::JoinableQueue<int>::Timeout().has_value() ? 1 : 0; }\n";
  must_build(dir / "project", prefix, source);
}

}  // namespace
}  // namespace joinery::testing
