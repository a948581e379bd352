// Each verb of joinery::Pool, through a real broker and pool processes.
#include <joinery/pool.h>

#include <atomic>
#include <future>
#include <mutex>
#include <numeric>
#include <ranges>
#include <set>

#include "tasks.h"

namespace joinery::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using PoolTest = SdkTest;
using std::chrono::milliseconds;

std::vector<int> numbers_to(int end) {
  std::vector<int> numbers(static_cast<std::size_t>(end));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST_F(PoolTest, AppliesATaskInAnotherProcess) {
  Pool pool(program, {.processes = 2});
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
  EXPECT_EQ(pool.apply(tasks.add, 2, 3), 5);
  EXPECT_EQ(pool.apply(tasks.echo, "text"), "text");
  EXPECT_NE(pool.apply(tasks.pid), static_cast<int>(::getpid()));
  pool.apply(tasks.nothing, 1);
}

TEST_F(PoolTest, TasksAreGivenWhatIsLocalToTheirThread) {
  Pool pool(program, {.processes = 1});
  for (int time = 1; time <= 3; ++time) EXPECT_EQ(pool.apply(tasks.visit), time);
}

TEST_F(PoolTest, ApplyAsyncTellsItsCallbackAndItsResult) {
  Pool pool(program, {.processes = 2});
  std::atomic<int> got = 0;
  auto result = pool.apply_async(tasks.square, {4}, {.callback = [&](int value) { got = value; }});
  EXPECT_EQ(result.get(), 16);
  EXPECT_EQ(result.get(milliseconds(0)), 16) << "may be asked again";
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  pool.close();
  EXPECT_TRUE(pool.join());
  EXPECT_EQ(got, 16) << "join waits for callbacks";
}

TEST_F(PoolTest, ExceptionArrivesWithTypeMessageAndOrigin) {
  Pool pool(program, {.processes = 1});
  std::mutex mutex;
  std::string told;
  auto result = pool.apply_async(tasks.odd_fails, {7}, {.error_callback = [&](const RemoteError& error) {
                                   const std::lock_guard lock(mutex);
                                   told = error.message();
                                 }});
  try {
    result.get();
    FAIL() << "expected RemoteError";
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.code(), Code::handler_error);
    EXPECT_EQ(error.type(), "std::out_of_range");
    EXPECT_EQ(error.message(), "odd: 7");
    EXPECT_EQ(error.task(), "odd_fails");
    EXPECT_THAT(error.where(), HasSubstr("pool-"));
    EXPECT_THAT(error.what(), HasSubstr("task odd_fails: std::out_of_range: odd: 7"));
  }
  EXPECT_FALSE(result.successful());
  pool.close();
  pool.join();
  EXPECT_EQ(told, "odd: 7");
}

TEST_F(PoolTest, ResultThatIsNotReadyTimesOutAndIsNeitherSuccessNorFailure) {
  Pool pool(program, {.processes = 1});
  auto result = pool.apply_async(tasks.wait_for_file, {path("go")});
  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.wait(milliseconds(1)));
  EXPECT_THROW(result.get(milliseconds(0)), TimeoutError);
  EXPECT_THROW(result.get(milliseconds(-1)), TimeoutError);
  EXPECT_THROW(result.successful(), ValueError);
  make_file("go");
  result.get();
}

TEST_F(PoolTest, MapKeepsTheOrderWhateverTheChunks) {
  Pool pool(program, {.processes = 2});
  std::vector<int> expected = numbers_to(1000);
  for (int& each : expected) each *= each;
  for (const std::size_t chunksize : {0, 1, 7, 5000}) {
    EXPECT_EQ(pool.map(tasks.square, numbers_to(1000), chunksize), expected) << chunksize;
  }
  EXPECT_TRUE(pool.map(tasks.square, std::vector<int>{}).empty());
  pool.map(tasks.nothing, numbers_to(10));
}

TEST_F(PoolTest, MapThrowsTheFirstErrorInTheOrderOfTheInput) {
  Pool pool(program, {.processes = 2});
  for (const std::size_t chunksize : {1, 10}) {
    try {
      pool.map(tasks.odd_fails, numbers_to(10), chunksize);
      FAIL() << "expected RemoteError";
    } catch (const RemoteError& error) {
      EXPECT_EQ(error.message(), "odd: 1");
      EXPECT_EQ(error.type(), "std::out_of_range");
    }
  }
}

TEST_F(PoolTest, StarmapSpreadsTuplesOverTheArguments) {
  Pool pool(program, {.processes = 2});
  const std::vector<std::pair<int, int>> pairs{{1, 2}, {3, 4}};
  EXPECT_THAT(pool.starmap(tasks.add, pairs), ElementsAre(3, 7));
  EXPECT_THAT(pool.starmap_async(tasks.add, std::vector{std::tuple(5, 6)}).get(), ElementsAre(11));
}

TEST_F(PoolTest, MapAsyncTellsTheWholeListToItsCallback) {
  Pool pool(program, {.processes = 2});
  std::vector<int> got;
  auto result =
      pool.map_async(tasks.square, numbers_to(4), {.callback = [&](std::vector<int> list) { got = list; }});
  pool.close();
  pool.join();
  EXPECT_THAT(got, ElementsAre(0, 1, 4, 9));
  EXPECT_THAT(result.get(), ElementsAre(0, 1, 4, 9));
}

TEST_F(PoolTest, ImapReadsAnEndlessInputAsFarAsItIsUsed) {
  Pool pool(program, {.processes = 2, .window = 16});
  int read = 0;
  auto endless = std::views::iota(0) | std::views::transform([&](int x) { return ++read, x; });
  std::vector<int> squares;
  for (int square : pool.imap(tasks.square, endless)) {
    squares.push_back(square);
    if (squares.size() == 50) break;
  }
  EXPECT_EQ(squares[49], 49 * 49);
  EXPECT_LE(read, 50 + 16);
}

TEST_F(PoolTest, ImapGoesOnBehindAnItemThatFailed) {
  Pool pool(program, {.processes = 2});
  for (const std::size_t chunksize : {1, 4}) {
    auto results = pool.imap(tasks.odd_fails, numbers_to(4), chunksize);
    EXPECT_EQ(results.next(), 0);
    EXPECT_THROW(results.next(), RemoteError);
    EXPECT_EQ(results.next(), 2);
    EXPECT_THROW(results.next(), RemoteError);
    EXPECT_EQ(results.next(), std::nullopt);
  }
}

TEST_F(PoolTest, ImapThatWasBegunGoesOnAfterClose) {
  Pool pool(program, {.processes = 2});
  auto begun = pool.imap(tasks.square, numbers_to(600));  // more than it reads ahead
  EXPECT_TRUE(begun.next());
  auto untouched = pool.imap_unordered(tasks.square, numbers_to(600));
  pool.close();
  EXPECT_TRUE(pool.join()) << "waits for what was submitted, not for whoever reads";
  int number = 1;
  for ([[maybe_unused]] int square : begun) ++number;
  EXPECT_EQ(number, 600);
  for ([[maybe_unused]] int square : untouched) --number;
  EXPECT_EQ(number, 0);
}

TEST_F(PoolTest, ImapOfATerminatedPoolIsCancelled) {
  Pool pool(program, {.processes = 1});
  auto begun = pool.imap(tasks.square, numbers_to(3));
  EXPECT_TRUE(begun.next());
  auto untouched = pool.imap(tasks.square, numbers_to(3));
  pool.terminate();
  try {
    untouched.next();
    FAIL() << "expected RemoteError";
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.code(), Code::cancelled);
  }
}

TEST_F(PoolTest, ImapUnorderedGivesWhatIsDoneFirst) {
  Pool pool(program, {.processes = 2});
  auto results = pool.imap_unordered(tasks.wait_ms, std::vector{300, 0});
  EXPECT_EQ(results.next(), 0);
  EXPECT_THROW(results.next(milliseconds(0)), TimeoutError);
  EXPECT_EQ(results.next(), 300);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(PoolTest, ErrorOfTheInputReachesTheOneWhoIterates) {
  Pool pool(program, {.processes = 1});
  auto input = std::views::iota(0) | std::views::transform([](int x) {
                 if (x == 2) throw std::domain_error("no more");
                 return x;
               });
  auto results = pool.imap(tasks.square, input);
  EXPECT_THROW(results.next(), std::domain_error);
}

TEST_F(PoolTest, ClosedPoolRefusesAndAnOpenOneIsNotJoined) {
  Pool pool(program, {.processes = 1});
  EXPECT_THROW(pool.join(), ValueError);
  auto last = pool.apply_async(tasks.wait_then, {path("go"), 4});
  pool.close();
  EXPECT_THROW(pool.apply(tasks.square, 3), ValueError);
  EXPECT_THROW(pool.map(tasks.square, numbers_to(3)), ValueError);
  EXPECT_THROW(pool.imap(tasks.square, numbers_to(3)), ValueError);
  EXPECT_FALSE(pool.join(milliseconds(0)));
  EXPECT_FALSE(pool.join(milliseconds(-1)));
  make_file("go");
  EXPECT_TRUE(pool.join());
  EXPECT_EQ(last.get(), 4);
}

TEST_F(PoolTest, TerminateEndsWhatRunsAndWhatWaits) {
  Pool pool(program, {.processes = 1});
  auto running = pool.apply_async(tasks.wait_for_file, {path("never")});
  auto waiting = pool.apply_async(tasks.square, {2});
  pool.terminate();
  for (const auto* code : {"cancelled"}) {
    try {
      running.get();
      FAIL() << "expected RemoteError";
    } catch (const RemoteError& error) {
      EXPECT_EQ(word(error.code()), code);
    }
  }
  EXPECT_THROW(waiting.get(), RemoteError);
  EXPECT_TRUE(pool.join());
  const auto status = stack.joinery({"status", "--json"});
  EXPECT_THAT(status.out, HasSubstr("\"unfinished\":0")) << "nothing is left in the broker";
}

TEST_F(PoolTest, InitializerRunsInEachProcessBeforeItsFirstJob) {
  Pool pool(program, {.processes = 2, .initializer = tasks.set_up.bind(std::string(200'000, 'i'))});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pool.apply(tasks.what_was_set).size(), 200'000U);
}

TEST_F(PoolTest, InitializerThatThrowsFailsEveryJobInsteadOfHangingIt) {
  Pool pool(program, {.processes = 1, .initializer = tasks.odd_fails.bind(1)});
  try {
    pool.apply(tasks.square, 3);
    FAIL() << "expected RemoteError";
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.code(), Code::start_failed);
  }
  EXPECT_THROW(pool.apply(tasks.square, 3), RemoteError) << "later ones too";
}

TEST_F(PoolTest, ProcessIsReplacedAfterMaxtasksperchildJobs) {
  Pool pool(program, {.processes = 1, .maxtasksperchild = 1});
  std::set<int> pids;
  for (int i = 0; i < 3; ++i) pids.insert(pool.apply(tasks.pid));
  EXPECT_EQ(pids.size(), 3U);
}

TEST_F(PoolTest, ThreadsOfOneProcessWaitSideBySide) {
  Pool pool(program, {.processes = 1, .threads = 8});
  auto waits = pool.map_async(tasks.wait_for_file, std::vector<std::string>(7, path("go")), {.chunksize = 1});
  EXPECT_EQ(pool.apply(tasks.square, 3), 9) << "seven threads wait, the eighth works";
  make_file("go");
  waits.get();
}

TEST_F(PoolTest, RunsOnWorkersThatAreAlreadyThere) {
  stack.start_worker({"--processes", "2"}, "/proc/self/exe");
  Pool pool(program, {.queue = "default"});
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
  EXPECT_THAT(pool.map(tasks.square, numbers_to(4)), ElementsAre(0, 1, 4, 9));
  const Task<int(int)> by_name("square");
  EXPECT_THAT(pool.map(by_name, numbers_to(3)), ElementsAre(0, 1, 4))
      << "as a client of workers in any language does";
}

TEST_F(PoolTest, CallbackMaySubmitButNotWait) {
  Pool pool(program, {.processes = 1});
  std::promise<int> second;
  std::promise<bool> refused;
  auto first =
      pool.apply_async(tasks.square, {2}, {.callback = [&](int value) {
                         auto next = pool.apply_async(
                             tasks.square, {value}, {.callback = [&](int last) { second.set_value(last); }});
                         try {
                           next.get();
                           refused.set_value(false);
                         } catch (const Exception& error) {
                           refused.set_value(error.code() == Code::invalid_state);
                         }
                       }});
  EXPECT_EQ(second.get_future().get(), 16);
  EXPECT_TRUE(refused.get_future().get());
}

}  // namespace
}  // namespace joinery::testing
