// Each verb of joinery::Executor and Future, through a real broker and pool processes.
#include <joinery/executor.h>

#include <coroutine>
#include <future>
#include <mutex>
#include <numeric>
#include <set>

#include "tasks.h"

namespace joinery::testing {
namespace {

using ::testing::ElementsAre;
using ExecutorTest = SdkTest;
using std::chrono::milliseconds;

TEST_F(ExecutorTest, SubmitsAndTellsResultOrException) {
  Executor executor(program, {.processes = 2});
  auto good = executor.submit(tasks.add, 2, 3);
  auto bad = executor.submit(tasks.odd_fails, 5);
  EXPECT_EQ(good.result(), 5);
  EXPECT_EQ(good.exception(), std::nullopt);
  EXPECT_TRUE(good.done());
  EXPECT_FALSE(good.cancelled());
  EXPECT_FALSE(good.running());
  EXPECT_THROW(bad.result(), RemoteError);
  const auto error = bad.exception();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->type(), "std::out_of_range");
}

TEST_F(ExecutorTest, MapGivesResultsInOrder) {
  Executor executor(program, {.processes = 2});
  std::vector<int> got;
  for (int square : executor.map(tasks.square, std::vector{1, 2, 3})) got.push_back(square);
  EXPECT_THAT(got, ElementsAre(1, 4, 9));
}

TEST_F(ExecutorTest, FutureRunsUntilItIsDoneAndIsNotCancelledMeanwhile) {
  Executor executor(program, {.processes = 1});
  auto future = executor.submit(tasks.wait_for_file, path("go"));
  EXPECT_TRUE(eventually([&] { return future.running(); }));
  EXPECT_FALSE(future.cancel());
  EXPECT_FALSE(future.done());
  for (const auto timeout : {milliseconds(0), milliseconds(-1)}) {
    EXPECT_THROW(future.result(timeout), TimeoutError);
    EXPECT_THROW(future.exception(timeout), TimeoutError);
    EXPECT_EQ(wait(std::vector{future}, ALL_COMPLETED, timeout).not_done.size(), 1U);
    EXPECT_THROW(as_completed(std::vector{future}, timeout).next(), TimeoutError);
  }
  make_file("go");
  future.result();
  EXPECT_FALSE(future.cancel());
  EXPECT_FALSE(future.running());
}

TEST_F(ExecutorTest, FutureThatWaitsIsCancelled) {
  Executor executor(program, {.queue = "nobody"});
  auto future = executor.submit(tasks.square, 3);
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_TRUE(future.cancel()) << "again";
  EXPECT_THROW(future.result(), CancelledError);
  EXPECT_THROW(future.exception(), CancelledError);
}

TEST_F(ExecutorTest, ShutdownRefusesFurtherJobsAndMayCancelThoseThatWait) {
  Executor executor(program, {.queue = "nobody"});
  auto future = executor.submit(tasks.square, 3);
  executor.shutdown(true, true);
  EXPECT_TRUE(future.cancelled());
  EXPECT_THROW(executor.submit(tasks.square, 3), ValueError);
}

TEST_F(ExecutorTest, ShutdownWaitsForWhatWasSubmitted) {
  std::vector<Future<int>> futures;
  {
    Executor executor(program, {.processes = 2});
    for (int i = 0; i < 20; ++i) futures.push_back(executor.submit(tasks.square, i));
  }
  EXPECT_EQ(futures.back().result(milliseconds(0)), 19 * 19);
}

TEST_F(ExecutorTest, DoneCallbacksGetTheFutureInTheirOrder) {
  Executor executor(program, {.processes = 1});
  std::vector<int> seen;
  auto future = executor.submit(tasks.wait_ms, 20);
  future.add_done_callback([&](Future<int> done) { seen.push_back(done.result()); });
  future.add_done_callback([&](const Future<int>&) { throw std::runtime_error("of a callback: no harm"); });
  future.add_done_callback([&](Future<int> done) { seen.push_back(done.result() + 1); });
  executor.shutdown();
  EXPECT_THAT(seen, ElementsAre(20, 21));
  future.add_done_callback([&](const Future<int>&) { seen.push_back(0); });
  EXPECT_EQ(seen.size(), 3U) << "at once";
}

TEST_F(ExecutorTest, WaitReturnsAtTheFirstTheFirstErrorOrAll) {
  Executor executor(program, {.processes = 2, .threads = 2});
  std::vector<Future<int>> futures{executor.submit(tasks.wait_then, path("go"), 1),
                                   executor.submit(tasks.wait_ms, 0)};
  auto first = wait(futures, FIRST_COMPLETED);
  EXPECT_THAT(first.done, ElementsAre(futures[1]));
  EXPECT_THAT(first.not_done, ElementsAre(futures[0]));

  futures.push_back(executor.submit(tasks.odd_fails, 1));
  auto error = wait(futures, FIRST_EXCEPTION);
  EXPECT_THAT(error.done, ElementsAre(futures[1], futures[2]));

  auto some = wait(futures, ALL_COMPLETED, milliseconds(1));
  EXPECT_THAT(some.not_done, ElementsAre(futures[0]));
  auto all = wait(std::vector{futures[1], futures[2]});
  EXPECT_EQ(all.done.size(), 2U);
  EXPECT_TRUE(wait(std::vector<Future<int>>{}).done.empty());
  make_file("go");
}

TEST_F(ExecutorTest, AsCompletedGivesEachOnceAsSoonAsItIsDone) {
  Executor executor(program, {.processes = 4});
  std::vector<Future<int>> futures;
  for (int wait : {200, 0, 100}) futures.push_back(executor.submit(tasks.wait_ms, wait));
  std::set<int> got;
  int last = 0;
  for (auto& future : as_completed(futures)) got.insert(last = future.result());
  EXPECT_THAT(got, ElementsAre(0, 100, 200));
  EXPECT_EQ(last, 200);
  auto late = as_completed(std::vector{executor.submit(tasks.wait_then, path("go"), 1)}, milliseconds(1));
  EXPECT_THROW(late.next(), TimeoutError);
  make_file("go");
}

TEST_F(ExecutorTest, AFutureThatIsGivenTwiceComesOnce) {
  Executor executor(program, {.processes = 1});
  auto one = executor.submit(tasks.square, 2);
  auto other = executor.submit(tasks.square, 3);
  int came = 0;
  for ([[maybe_unused]] auto& future : as_completed(std::vector{one, other, one})) ++came;
  EXPECT_EQ(came, 2);
  EXPECT_THAT(wait(std::vector{other, one, other}).done, ElementsAre(other, one));
}

// Jobs that the broker has and that have not ended.
int unfinished(Stack& stack) {
  const std::string text = stack.joinery({"status", "--json"}).out;
  const std::string mark = "\"unfinished\":";
  const auto at = text.find(mark);
  return at == std::string::npos ? -1 : std::stoi(text.substr(at + mark.size()));
}

TEST_F(ExecutorTest, AMapThatIsDroppedCancelsWhatHasNotBegun) {
  Executor executor(program, {.processes = 1});
  std::vector<std::string> files(60, path("go"));
  files[0] = path("now");
  make_file("now");
  for ([[maybe_unused]] auto none : executor.map(tasks.wait_for_file, files)) break;
  EXPECT_TRUE(eventually([&] { return unfinished(stack) <= 1; })) << "what runs goes on";
  make_file("go");
  executor.shutdown();
  EXPECT_EQ(unfinished(stack), 0);
}

// The least that a coroutine needs: its result goes to a promise.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached sum_of_squares(Executor& executor, const Task<int(int)>& square, const Task<int(int)>& fails,
                        std::promise<int>& sum) {
  auto first = executor.submit(square, 3);
  auto second = executor.submit(square, 4);
  int total = co_await first + co_await second;
  try {
    total += co_await executor.submit(fails, 1);
  } catch (const RemoteError&) {
    total += 1000;
  }
  sum.set_value(total);
}

TEST_F(ExecutorTest, CoroutinesAwaitFutures) {
  Executor executor(program, {.processes = 2});
  std::promise<int> sum;
  sum_of_squares(executor, tasks.square, tasks.odd_fails, sum);
  EXPECT_EQ(sum.get_future().get(), 1025);
}

}  // namespace
}  // namespace joinery::testing
