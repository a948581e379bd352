// Handlers in Python, Node and shell, started by a worker with the configuration of the example.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

bool node_is_there() {
  try {
    return run({"node", "--version"}).status == 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

class AnyLanguage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(PYTHON_WITH_MSGPACK).empty()) GTEST_SKIP() << "there is no python3 with msgpack";
    if (!node_is_there()) GTEST_SKIP() << "there is no node";
    std::ofstream(file_) << "three words\nhere\n";
    // The python3 that has msgpack is found first.
    std::filesystem::create_symlink(PYTHON_WITH_MSGPACK, stack_.dir() / "python3");
    worker_ = std::make_unique<Process>(
        std::vector<std::string>{program("joinery-worker"), "--endpoint", stack_.endpoint(), "--config",
                                 "worker.toml"},
        Process::Options{.environment = {{"PATH", stack_.dir().path() + ":" + std::getenv("PATH")}},
                         .directory = EXAMPLES_DIR "/any_language",
                         .input = {},
                         .ready = false});
  }
  Finished submit(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"submit", "--wait", "--attempts", "1"});
    return stack_.joinery(std::move(arguments));
  }

  Stack stack_;
  const std::string file_ = stack_.dir() / "words";
  std::unique_ptr<Process> worker_;
};

TEST_F(AnyLanguage, PythonCountsWords) {
  EXPECT_EQ(submit({"count_words", file_}).out, "3\n");
  const Finished failed = submit({"count_words", "/no/such/file"});
  EXPECT_EQ(failed.status, 2);
  EXPECT_NE(failed.err.find("FileNotFoundError"), std::string::npos) << failed.err;
}

TEST_F(AnyLanguage, NodeFindsTheLongestWord) {
  EXPECT_EQ(submit({"longest_word", file_}).out, "\"three\"\n");
  const Finished failed = submit({"longest_word", "/no/such/file"});
  EXPECT_EQ(failed.status, 2);
  EXPECT_NE(failed.err.find("ENOENT"), std::string::npos) << failed.err;
  const Finished malformed = submit({"longest_word", file_, "and another"});
  EXPECT_NE(malformed.err.find("takes 1 arguments"), std::string::npos) << malformed.err;
}

TEST_F(AnyLanguage, NodeTakesManyJobsAtOnceAndLargeOnes) {
  // Frames that come in pieces, with lengths of every width.
  std::string items;
  for (int i = 0; i < 300; ++i) items += file_ + '\n';
  const Finished mapped = stack_.joinery({"map", "--results", "longest_word"}, items);
  EXPECT_EQ(mapped.status, 0) << mapped.err;
  EXPECT_EQ(std::ranges::count(mapped.out, '\n'), 300);
  const Finished failed = submit({"longest_word", std::string(100'000, 'x')});
  EXPECT_NE(failed.err.find("ENAMETOOLONG"), std::string::npos) << failed.err.substr(0, 200);
}

TEST_F(AnyLanguage, ShellCountsLines) {
  const std::string script = EXAMPLES_DIR "/any_language/count_lines.sh";
  EXPECT_EQ(submit({"exec", "--", script, file_}).out, "2\n");
  const Finished failed = submit({"exec", "--", script});
  EXPECT_EQ(failed.status, 2);
  EXPECT_NE(failed.err.find("64: expected one argument, FILE"), std::string::npos) << failed.err;
}

}  // namespace
}  // namespace joinery::testing
