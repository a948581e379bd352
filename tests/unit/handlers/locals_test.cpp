// Objects that are local to threads and processes of a worker.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "worker/handlers/registry.h"

namespace joinery::handlers {
namespace {

using ::testing::HasSubstr;

struct Visits {
  explicit Visits(int first) : number(first) {}
  Visits(Visits&&) = default;
  Visits(const Visits&) = delete;
  int number;
};

TEST(Locals, EachThreadHasItsOwn) {
  Registry registry;
  int made = 0;
  registry.initialize(put_local([&made] { return Visits(++made * 100); }, LocalTo::thread));
  for (int thread = 1; thread <= 2; ++thread) {
    std::jthread([&registry, thread] {
      registry.run_initializers();
      ++local<Visits>().number;
      EXPECT_EQ(local<Visits>().number, thread * 100 + 1);
    }).join();
  }
  EXPECT_EQ(made, 2);
}

TEST(Locals, OneOfAProcessIsSharedByItsThreads) {
  Registry registry;
  registry.initialize(put_local([] { return Visits(7); }, LocalTo::process));
  std::set<const Visits*> seen;
  for (int thread = 0; thread < 2; ++thread) {
    std::jthread([&] {
      registry.run_initializers();
      seen.insert(&local<Visits>());
    }).join();
  }
  EXPECT_EQ(seen.size(), 1U);
}

TEST(Locals, OneThatNobodyMadeIsNamed) {
  try {
    local<std::set<int>>();
    ADD_FAILURE() << "expected a logic_error";
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("std::set<int"));
  }
}

}  // namespace
}  // namespace joinery::handlers
