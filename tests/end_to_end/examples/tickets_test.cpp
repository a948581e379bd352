// Two tickets are sold as twice two only where the example says why.
#include <gtest/gtest.h>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

TEST(TicketsExample, TheLockWithItsFenceAloneSellsEachTicketOnce) {
  const Stack stack;
  const Finished finished =
      run({program("joinery-tickets")}, {.environment = {{"JOINERY_ENDPOINT", stack.endpoint()}},
                                         .directory = {},
                                         .input = {},
                                         .ready = false});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out,
            "without a lock             10 of 10 buyers have one of 2 tickets\n"
            "with a lock                 3 of 10 buyers have one of 2 tickets\n"
            "with a lock and its fence   2 of 10 buyers have one of 2 tickets\n");
}

}  // namespace
}  // namespace joinery::testing
