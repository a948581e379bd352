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

TEST_F(Examples, SharedDictAndListOfTenProcesses) {
  const std::string out = output_of("shared_dict_list");
  EXPECT_THAT(out, HasSubstr("7: process 7\n"));
  EXPECT_THAT(out, HasSubstr("0 1 2 3 4 5 6 7 8 9"));
}

TEST_F(Examples, TenBuyersTwoTickets) {
  const std::string out = output_of("tickets");
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_THAT(out, HasSubstr("\n0 tickets left\n"));
}

TEST_F(Examples, OneProducerAndThreeConsumersOverAQueueOfTen) {
  const std::string out = output_of("producer_consumers");
  EXPECT_EQ(std::ranges::count(out, '\n'), 30);
  for (const char* line : {"item 0\n", "item 29\n"}) EXPECT_THAT(out, HasSubstr(line));
}

TEST_F(Examples, AHundredTasksForDaemonsOfWhomOneIsKilled) {
  EXPECT_EQ(output_of("joinable_queue"), "all tasks are done, 3 consumers are left\n");
}

TEST_F(Examples, APipeToItsEnd) { EXPECT_EQ(output_of("pipe_eof"), "HELLO\nWORLD\nthe pipe has ended\n"); }

TEST_F(Examples, TheLowestNumberComesFirst) {
  EXPECT_EQ(output_of("priorities"), "put out the fire\nmake coffee\nwrite the report\n");
}

TEST_F(Examples, MapAsyncWithASharedListUnderALock) {
  const std::string out = output_of("map_async_shared_list");
  EXPECT_THAT(out, HasSubstr("the sum of the squares is 285\n"));
  EXPECT_EQ(std::ranges::count(out, '\n'), 21);
  for (int i = 0; i < 10; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_THAT(out, HasSubstr(number + " begins\n" + number + " ends\n"));
  }
}

TEST_F(Examples, EventsSemaphoresBarriers) {
  EXPECT_THAT(output_of("events_semaphores"), HasSubstr("never more than 3 were in: yes"));
}

}  // namespace
}  // namespace joinery::testing
