// A program that starts itself again to run one of its tasks.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

TEST(Program, RunsATaskOfItsOwnInAnotherProcessWithArgumentsOfAnySize) {
  const auto finished = run({program("sdk_program_subject"), "say"});
  EXPECT_EQ(finished.out, "1000000 bytes, 7\nended with 0\n") << finished.err;
}

TEST(Program, TaskThatThrowsEndsItsProcessWithOneAndIsToldOnStderr) {
  const auto finished = run({program("sdk_program_subject"), "fail"});
  EXPECT_EQ(finished.out, "ended with 1\n");
  EXPECT_THAT(finished.err, HasSubstr("a process, task \"fail\": std::runtime_error: for a reason"));
}

TEST(Program, HiddenFlagsTypedByAPersonAreRefusedWhateverIsOpen) {
  const TempDir dir;
  std::ofstream(dir / "empty");
  std::ofstream(dir / "full") << "x";
  const std::vector<std::string> thirds{"<&-", "</dev/null", "<" + (dir / "empty"), "<" + (dir / "full")};
  for (const std::string& third : thirds) {
    const std::string line = program("sdk_program_subject") + " --joinery-child process 0 3" + third;
    const auto finished = run({"/bin/sh", "-c", "exec " + line});
    EXPECT_EQ(finished.status, 64) << line;
    EXPECT_THAT(finished.err, HasSubstr("for this program's own use")) << line;
  }
}

}  // namespace
}  // namespace joinery::testing
