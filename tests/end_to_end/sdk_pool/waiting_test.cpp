// Tasks that are coroutines, and co_await of what other tasks give, through a real broker and pool processes.
#include <gmock/gmock.h>
#include <joinery/executor.h>
#include <joinery/pool.h>
#include <joinery/process.h>

#include <atomic>
#include <numeric>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using std::chrono::milliseconds;

// Returns when `many` of them run in its process at once.
Coroutine<int> together(JobContext& job, int number, int many) {
  static std::atomic<int> begun{0};
  ++begun;
  while (begun < many) co_await job.sleep(milliseconds(1));
  co_return number;
}

Coroutine<int> fails(JobContext& job) {
  co_await job.sleep(milliseconds(1));
  throw std::out_of_range("after a wait");
}

struct Tasks {
  explicit Tasks(Program& program)
      : together(program.task("together", testing::together)),
        fails(program.task("fails", testing::fails)),
        elsewhere(program.task("elsewhere", testing::Tasks::ask_elsewhere)),
        sum_elsewhere(program.task("sum_elsewhere", testing::Tasks::ask_for_a_sum)) {}

  // Pools of the process that runs a task.
  struct Elsewhere {
    explicit Elsewhere(const std::string& endpoint) : program(0, nullptr, {.endpoint = endpoint}) {}
    static Elsewhere& of(const std::string& endpoint) {
      static Elsewhere one(endpoint);
      return one;
    }
    Program program;
    Executor executor{program, {.processes = 1, .concurrency = 8}};
    Pool pool{program, {.processes = 1, .concurrency = 8}};
  };
  static Coroutine<int> ask_elsewhere(int number, int many, std::string endpoint) {
    const Task<int(int, int)> task("together");
    co_return co_await Elsewhere::of(endpoint).executor.submit(task, number, many);
  }
  static Coroutine<int> ask_for_a_sum(int number, std::string endpoint) {
    const Task<int(int, int)> task("together");
    std::vector<std::tuple<int, int>> items(static_cast<std::size_t>(number), {1, number});
    const std::vector<int> ones = co_await Elsewhere::of(endpoint).pool.starmap_async(task, items);
    co_return std::accumulate(ones.begin(), ones.end(), 0);
  }

  Task<int(int, int)> together;
  Task<int()> fails;
  Task<int(int, int, std::string)> elsewhere;
  Task<int(int, std::string)> sum_elsewhere;
};

class WaitingTasks : public ::testing::Test {
 protected:
  Stack stack;
  Program program{0, nullptr, {.endpoint = stack.endpoint()}};
  Tasks tasks{program};
};

TEST_F(WaitingTasks, ManyRunAtATimeInOneThread) {
  Executor executor(program, {.processes = 1, .concurrency = 16});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 16; ++i) futures.push_back(executor.submit(tasks.together, i, 16));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i);
}

TEST_F(WaitingTasks, OneOfThemIsAPoolsTaskLikeAnyOther) {
  Pool pool(program, {.processes = 1});
  EXPECT_EQ(pool.apply(tasks.together, 7, 1), 7);
  EXPECT_THROW(pool.apply(tasks.fails), RemoteError);
  const std::vector<std::tuple<int, int>> items{{1, 1}, {2, 1}, {3, 1}};
  EXPECT_THAT(pool.starmap(tasks.together, items), ::testing::ElementsAre(1, 2, 3));
}

TEST_F(WaitingTasks, OneThatAwaitsAFutureLeavesItsThreadToOthers) {
  Executor executor(program, {.processes = 1, .concurrency = 4});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 4; ++i) futures.push_back(executor.submit(tasks.elsewhere, i, 4, stack.endpoint()));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i);
}

TEST_F(WaitingTasks, TheResultsOfAMapCanBeAwaited) {
  Pool pool(program, {.processes = 1});
  EXPECT_EQ(pool.apply(tasks.sum_elsewhere, 5, stack.endpoint()), 5);
}

TEST_F(WaitingTasks, AProcessRunsOneToItsEnd) {
  joinery::Process good(program, tasks.together.bind(1, 1));
  joinery::Process bad(program, tasks.fails.bind());
  good.start();
  bad.start();
  good.join();
  bad.join();
  EXPECT_EQ(good.exitcode(), 0);
  EXPECT_EQ(bad.exitcode(), 1);
}

TEST_F(WaitingTasks, MoreAtATimeThanThereArePlacesIsAValueError) {
  EXPECT_THROW(Pool(program, {.processes = 1, .threads = 2, .concurrency = 512}), ValueError);
  EXPECT_THROW(Pool(program, {.processes = 1, .concurrency = 0}), ValueError);
}

}  // namespace
}  // namespace joinery::testing

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  const joinery::testing::Tasks tasks(program);
  if (const auto code = program.child()) return *code;
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
