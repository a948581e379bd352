// Where Python's pools hang, break or lose what they were given, ours answers.
#include <joinery/connection.h>
#include <joinery/executor.h>
#include <joinery/pool.h>
#include <joinery/queue.h>

#include <csignal>
#include <future>
#include <numeric>

#include "tasks.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using FailureTest = SdkTest;
using std::chrono::milliseconds;

// The code of the RemoteError that `call` throws.
template <typename F>
Code error_of(F call) {
  try {
    call();
  } catch (const RemoteError& error) {
    return error.code();
  }
  return Code::ok;
}

std::vector<int> numbers_to(int end) {
  std::vector<int> numbers(static_cast<std::size_t>(end));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// cpython 66587, 96062: the pool waits for ever for the result of a process that was killed.
TEST_F(FailureTest, JobOfAKilledProcessRunsAgain) {
  Pool pool(program, {.processes = 2});
  EXPECT_EQ(pool.apply(tasks.crash_once, path("died"), 5), 5);
}

TEST_F(FailureTest, JobThatAlwaysKillsItsProcessIsAnErrorOfItsOwn) {
  Pool pool(program, {.processes = 2});
  auto bad = pool.apply_async(tasks.crash_at, {13});
  EXPECT_EQ(pool.apply(tasks.crash_at, 12), 12);
  EXPECT_EQ(error_of([&] { bad.get(); }), Code::process_died);
  EXPECT_EQ(pool.apply(tasks.crash_at, 14), 14);
}

TEST_F(FailureTest, ItemThatKillsItsProcessLeavesTheOthersOfItsChunkAlone) {
  Pool pool(program, {.processes = 2, .crash_attempts = 1});
  auto results = pool.imap(tasks.crash_at, numbers_to(20), 20);
  for (int i = 0; i < 20; ++i) {
    if (i == 13) {
      EXPECT_EQ(error_of([&] { results.next(); }), Code::process_died);
    } else {
      EXPECT_EQ(results.next(), i);
    }
  }
  EXPECT_EQ(error_of([&] { pool.map(tasks.crash_at, numbers_to(20), 20); }), Code::process_died);
}

// concurrent.futures: BrokenProcessPool for every future, and for the executor.
TEST_F(FailureTest, OneCrashDoesNotPoisonOtherFutures) {
  Executor executor(program, {.processes = 2, .crash_attempts = 1});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 30; ++i) futures.push_back(executor.submit(tasks.crash_at, i));
  for (int i = 0; i < 30; ++i) {
    if (i == 13) {
      EXPECT_EQ(error_of([&] { futures[13].result(); }), Code::process_died);
    } else {
      EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i);
    }
  }
  EXPECT_EQ(executor.submit(tasks.crash_at, 1).result(), 1);
}

// cpython 75963: there is no time limit per task.
TEST_F(FailureTest, TimeLimitOfOneCallEndsItAlone) {
  Pool pool(program, {.processes = 2});
  auto late = pool.apply_async(tasks.wait_for_file, {path("never")}, {.timeout = milliseconds(50)});
  auto longer = pool.apply_async(tasks.wait_ms, {100});
  EXPECT_EQ(error_of([&] { late.get(); }), Code::hard_time_limit);
  EXPECT_EQ(longer.get(), 100);
}

TEST_F(FailureTest, TimeLimitOfAMapConcernsTheItemThatTookTooLong) {
  Pool pool(program, {.processes = 2, .timeout = milliseconds(200)});
  auto results = pool.imap(tasks.wait_ms, std::vector{0, 60'000, 1}, 3);
  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(error_of([&] { results.next(); }), Code::hard_time_limit);
  EXPECT_EQ(results.next(), 1);
}

// cpython 79492: what cannot be encoded kills the thread that would have told of it.
TEST_F(FailureTest, ResultThatCannotBeEncodedIsAnErrorOfThatJobAlone) {
  Pool pool(program, {.processes = 1});
  auto bad = pool.apply_async(tasks.unencodable, {"x"});
  EXPECT_EQ(error_of([&] { bad.get(); }), Code::unencodable_result);
  EXPECT_EQ(error_of([&] {
              pool.map(tasks.unencodable, std::vector<std::string>{"x", "y"}, 2);
            }),
            Code::unencodable_result);
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
}

TEST_F(FailureTest, ExceptionThatCannotBeEncodedIsAnErrorOfThatItemAlone) {
  Pool pool(program, {.processes = 1});
  for (const std::size_t chunksize : {1, 4}) {
    auto results = pool.imap(tasks.odd_screams, numbers_to(4), chunksize);
    for (int i = 0; i < 4; ++i) {
      try {
        EXPECT_EQ(results.next(), i);
        EXPECT_EQ(i % 2, 0);
      } catch (const RemoteError& error) {
        EXPECT_EQ(i % 2, 1) << error.what();
        EXPECT_EQ(error.type(), "std::runtime_error");
        EXPECT_THAT(error.message(), ::testing::StartsWith("????"));
      }
    }
  }
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
}

TEST_F(FailureTest, LargeResultsArriveAndTooLargeOnesAreErrorsOfTheirOwn) {
  Pool pool(program, {.processes = 2});
  const std::size_t large = 8U << 20U;
  auto results = pool.imap(tasks.large, std::vector<std::size_t>{large, 17U << 20U, large, 100'000}, 4);
  EXPECT_THAT(results.next(), ::testing::Optional(SizeIs(large)));
  EXPECT_EQ(error_of([&] { results.next(); }), Code::unencodable_result);
  EXPECT_THAT(results.next(), ::testing::Optional(SizeIs(large)));
  EXPECT_THAT(results.next(), ::testing::Optional(SizeIs(100'000U)));
}

TEST_F(FailureTest, ArgumentThatIsTooLargeIsAnErrorOfThatJobAlone) {
  Pool pool(program, {.processes = 1});
  auto bad = pool.apply_async(tasks.echo, {std::string(17U << 20U, 'x')});
  EXPECT_EQ(error_of([&] { bad.get(); }), Code::payload_too_large);
  EXPECT_EQ(pool.apply(tasks.echo, "small"), "small");
}

TEST_F(FailureTest, ResultOfAnotherTypeIsATypeError) {
  Pool pool(program, {.processes = 1});
  const Task<std::string(int)> wrong("square");
  EXPECT_THROW(pool.apply(wrong, 3), TypeError);
  const Task<int(std::string)> also_wrong("square");
  EXPECT_EQ(error_of([&] { pool.apply(also_wrong, "three"); }), Code::malformed_payload);
}

// Added to a clock, they would lie before its begin.
TEST_F(FailureTest, ATimeoutMayBeAsLongAsItsTypeHolds) {
  constexpr auto longest = milliseconds::max();
  Pool pool(program, {.processes = 2});
  EXPECT_EQ(pool.apply_async(tasks.wait_ms, {20}).get(longest), 20);
  EXPECT_EQ(pool.imap(tasks.wait_ms, std::vector{20}).next(longest), 20);
  auto last = pool.apply_async(tasks.wait_ms, {20});
  pool.close();
  EXPECT_TRUE(pool.join(longest));

  Executor executor(program, {.processes = 1});
  const std::vector<Future<int>> futures{executor.submit(tasks.wait_ms, 20)};
  EXPECT_THAT(wait(futures, ALL_COMPLETED, longest).done, SizeIs(1));
  EXPECT_TRUE(as_completed(std::vector{executor.submit(tasks.wait_ms, 20)}, longest).next());

  JoinableQueue<int> queue("patient", {.endpoint = stack.endpoint(), .timeout = longest});
  auto got = std::async(std::launch::async, [&] { return queue.get(true, longest); });
  EXPECT_EQ(got.wait_for(milliseconds(20)), std::future_status::timeout);
  queue.put(7);
  EXPECT_EQ(got.get(), 7);
  auto joined = std::async(std::launch::async, [&] { return queue.join(longest); });
  EXPECT_EQ(joined.wait_for(milliseconds(20)), std::future_status::timeout);
  queue.task_done();
  EXPECT_TRUE(joined.get());

  auto [here, there] = Pipe();
  auto polled = std::async(std::launch::async, [&, &end = here] { return end.poll(longest); });
  EXPECT_EQ(polled.wait_for(milliseconds(20)), std::future_status::timeout);
  there.send(1);
  EXPECT_TRUE(polled.get());
}

// The message of the ValueError that `options` are refused with.
std::string refusal(const Program& program, const PoolOptions& options) {
  try {
    Pool pool(program, options);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "not refused";
}

TEST_F(FailureTest, OptionsThatMakeNoSenseAreRefusedByName) {
  EXPECT_THAT(refusal(program, {.threads = 64}), HasSubstr("threads"));
  EXPECT_THAT(refusal(program, {.processes = 1025}), HasSubstr("processes"));
  EXPECT_THAT(refusal(program, {.queue = "q", .processes = 2}), HasSubstr("processes"));
  EXPECT_THAT(refusal(program, {.queue = "q", .initializer = tasks.set_up.bind("x")}),
              HasSubstr("initializer"));
  EXPECT_THAT(refusal(program, {.timeout = milliseconds(-1)}), HasSubstr("timeout"));
  EXPECT_THAT(refusal(program, {.crash_attempts = 0}), HasSubstr("crash_attempts"));
  Pool pool(program, {.processes = 1});
  for (const milliseconds timeout : {milliseconds(-1), milliseconds(std::chrono::hours(24 * 50))}) {
    EXPECT_THROW(pool.apply_async(tasks.square, {1}, {.timeout = timeout}), ValueError);
    EXPECT_THROW(pool.map_async(tasks.square, numbers_to(2), {.timeout = timeout}), ValueError);
  }
}

TEST_F(FailureTest, WhatAnInitializerThrowsIsToldToThoseWhoCall) {
  Pool pool(program, {.processes = 2, .initializer = tasks.odd_fails.bind(3)});
  for (int i = 0; i < 2; ++i) {
    try {
      pool.apply(tasks.square, 2);
      ADD_FAILURE() << "expected RemoteError";
    } catch (const RemoteError& error) {
      EXPECT_EQ(error.code(), Code::start_failed);
      EXPECT_EQ(error.message(), "an initializer threw std::out_of_range: odd: 3");
    }
  }
}

TEST_F(FailureTest, WhatAnInitializerThrewBeforeOneSucceededIsNotGivenAsTheReasonOfALaterEnd) {
  Pool pool(program, {.processes = 2, .initializer = tasks.fail_once.bind(path("failed"))});
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
  for (const pid_t child : children_of(::getpid())) {
    if (child != stack.broker().pid()) ::kill(child, SIGTERM);
  }
  try {
    pool.apply(tasks.wait_for_file, path("never"));
    FAIL() << "expected RemoteError";
  } catch (const RemoteError& error) {
    EXPECT_THAT(error.message(), HasSubstr("the pool's worker ended with exit status 0"));
  }
}

TEST_F(FailureTest, AnImapCanBeDroppedWhileTheBrokerIsAway) {
  Pool pool(program, {.queue = "away", .durability = Durability::sync});
  auto results = std::make_unique<Imap<int>>(pool.imap(tasks.square, numbers_to(3)));
  EXPECT_THROW(results->next(milliseconds(0)), TimeoutError);  // no worker has come
  stack.say({"submit", "--queue", "away", "other"});           // and the jobs before it are there
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  auto dropped = std::async([&] { results.reset(); });
  EXPECT_EQ(dropped.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  stack.start_broker();
  EXPECT_TRUE(eventually([&] {
    const std::string queue = stack.say({"--json", "queue", "show", "away"});
    return queue.find("\"unfinished\":1,") != std::string::npos;
  }));
}

// More than one request takes.
TEST_F(FailureTest, AllThatADroppedImapHadSubmittedIsCancelled) {
  Pool pool(program, {.queue = "many", .window = 9000});
  auto results = std::make_unique<Imap<int>>(pool.imap(tasks.square, numbers_to(9000)));
  EXPECT_THROW(results->next(milliseconds(0)), TimeoutError);  // no worker has come
  stack.say({"submit", "--queue", "many", "other"});           // and the jobs are there
  results.reset();
  const auto counts = [&](const std::string& what) {
    return stack.say({"--json", "queue", "show", "many"}).find(what) != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return counts("\"unfinished\":1,"); }));
  EXPECT_TRUE(counts("\"cancelled\":9000"));
}

TEST_F(FailureTest, ItemsOfASplitChunkAreCancelledWhenItsImapIsDropped) {
  stack.start_worker({"--processes", "1", "--queues", "split"}, "/proc/self/exe");
  Pool pool(program, {.queue = "split", .crash_attempts = 1});
  const std::vector<std::string> files(4, path("died"));
  const auto counts = [&](const std::string& what) {
    return stack.say({"--json", "queue", "show", "split"}).find(what) != std::string::npos;
  };
  {
    auto results = pool.imap(tasks.crash_once_then_wait, files, 4);
    EXPECT_THROW(results.next(milliseconds(0)), TimeoutError);
    EXPECT_TRUE(eventually([&] { return counts("\"unfinished\":4"); })) << "split";
  }
  EXPECT_TRUE(eventually([&] { return counts("\"unfinished\":1"); })) << "one runs";
  EXPECT_TRUE(counts("\"cancelled\":3"));
  make_file("died.go");
  pool.close();
  EXPECT_TRUE(pool.join());
}

TEST_F(FailureTest, AResultOfAnotherTypeIsATypeErrorThatNamesBoth) {
  Pool pool(program, {.processes = 1});
  const Task<int(std::string)> wrong("echo");
  try {
    pool.apply(wrong, "hello");
    FAIL() << "expected TypeError";
  } catch (const TypeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("task echo: its result is not what the handle of the task says"));
    EXPECT_THAT(error.what(), HasSubstr("a string of 5 bytes came, expected an integer"));
  }
}

TEST_F(FailureTest, ATaskThatTheProgramHasNotIsRefusedByItsOwnPool) {
  Pool pool(program, {.processes = 1});
  const Task<int(int)> unknown("nosuch");
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { pool.apply(unknown, 1); },
           [&] { pool.apply_async(unknown, {1}); },
           [&] {
             pool.map(unknown, std::vector{1, 2});
           },
           [&] {
             pool.imap(unknown, std::vector{1, 2}).next();
           },
       }) {
    try {
      call();
      ADD_FAILURE() << "expected an Exception";
    } catch (const Exception& error) {
      EXPECT_EQ(error.code(), Code::unknown_handler);
      EXPECT_THAT(error.what(), HasSubstr("task nosuch: this program"));
    }
  }
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
}

TEST_F(FailureTest, PoolStartsItsWorkerAgainWhenThatIsKilled) {
  Pool pool(program, {.processes = 1});
  EXPECT_EQ(pool.apply(tasks.square, 2), 4);
  auto running = pool.apply_async(tasks.wait_then, {path("go"), 3});
  for (const pid_t child : children_of(::getpid())) {
    if (child != stack.broker().pid()) ::kill(child, SIGKILL);
  }
  make_file("go");
  EXPECT_EQ(running.get(), 3);
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
}

TEST_F(FailureTest, MapSurvivesABrokerThatIsKilledAndStartedAgain) {
  Pool pool(program, {.processes = 2});
  auto before = pool.map_async(tasks.wait_ms, std::vector<int>(40, 10), {.chunksize = 1});
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  EXPECT_THROW(before.get(milliseconds(50)), TimeoutError);
  stack.start_broker();
  EXPECT_THAT(before.get(), SizeIs(40));
  EXPECT_EQ(pool.apply(tasks.square, 3), 9);
}

TEST_F(FailureTest, NothingIsLeftOfAPoolWhoseProgramIsKilled) {
  Process owner({"/proc/self/exe", "own-a-pool", stack.endpoint(), path("never")});
  ASSERT_TRUE(eventually([&] { return owner.out().ends_with('\n'); }));
  const pid_t process = std::stoi(owner.out());
  EXPECT_EQ(::kill(process, 0), 0);
  owner.signal(SIGKILL);
  EXPECT_TRUE(eventually([&] { return ::kill(process, 0) != 0; }));
  EXPECT_TRUE(eventually([&] {
    const auto status = stack.joinery({"status", "--json"});
    return status.out.find("\"unfinished\":0") != std::string::npos &&
           status.out.find("\"workers\":0") != std::string::npos;
  }));
}

}  // namespace
}  // namespace joinery::testing
