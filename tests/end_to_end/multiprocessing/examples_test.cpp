// What docs/multiprocessing.md shows is run here, and prints what it says there.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

struct Examples : ::testing::Test {
  Stack stack;

  std::string output_of(const std::string& name) {
    Process::Options options;
    options.environment["JOINERY_ENDPOINT"] = stack.endpoint();
    const Finished finished = run({program("example_" + name)}, options);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.out;
  }
};

TEST_F(Examples, SharedDictAndListOfTenTasks) {
  const std::string out = output_of("shared_dict_list");
  EXPECT_THAT(out, HasSubstr("7: task 7\n"));
  EXPECT_THAT(out, HasSubstr("0 1 2 3 4 5 6 7 8 9"));
}

TEST_F(Examples, TenBuyersTwoTickets) {
  const std::string out = output_of("tickets");
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_THAT(out, HasSubstr("\n0 tickets left\n"));
}

TEST_F(Examples, EventsSemaphoresBarriers) {
  EXPECT_THAT(output_of("events_semaphores"), HasSubstr("never more than 3 were in: yes"));
}

}  // namespace
}  // namespace joinery::testing
