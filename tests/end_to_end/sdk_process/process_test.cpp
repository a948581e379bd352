// Each verb of joinery::Process, with real processes.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

#include "tasks.h"
#include "tests/support/process.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto limit = 60s;

std::optional<int> exitcode_of(BoundTask task) {
  joinery::Process process(program(), std::move(task));
  process.start();
  EXPECT_TRUE(process.join(limit));
  return process.exitcode();
}

// A process that runs until its pipe ends, or is closed.
struct Waiting {
  std::pair<Connection, Connection> pipe = Pipe();
  joinery::Process process;
  explicit Waiting(ProcessOptions options = {})
      : process(program(), tasks().wait_for_end.bind(pipe.second), std::move(options)) {
    process.start();
    pipe.second.close();
  }
  ~Waiting() { pipe.first.close(); }  // before its process is joined
};

TEST(Process, ExitCodeIsZeroOrOneOrWhatItLeftWithOrMinusTheSignal) {
  EXPECT_EQ(exitcode_of(tasks().nothing.bind()), 0);
  EXPECT_EQ(exitcode_of(tasks().fail.bind("for a reason")), 1);
  EXPECT_EQ(exitcode_of(tasks().leave.bind(7)), 7);
  EXPECT_EQ(exitcode_of(tasks().raise.bind(SIGKILL)), -SIGKILL);
  EXPECT_EQ(exitcode_of(tasks().raise.bind(SIGUSR2)), -SIGUSR2);  // not SIGSEGV: a sanitizer handles it
}

TEST(Process, LivesFromStartToItsEnd) {
  Waiting waiting;
  joinery::Process& process = waiting.process;
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_FALSE(process.join(0ms));
  EXPECT_FALSE(process.join(-5s));
  EXPECT_FALSE(process.join(20ms));
  waiting.pipe.first.close();
  EXPECT_TRUE(process.join(limit));
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(process.join()) << "may be joined again";
  EXPECT_EQ(process.exitcode(), 0);
}

TEST(Process, TerminateAndKillEndItAndDoNothingAfterwards) {
  Waiting first;
  first.process.terminate();
  EXPECT_TRUE(first.process.join(limit));
  EXPECT_EQ(first.process.exitcode(), -SIGTERM);
  first.process.kill();
  EXPECT_EQ(first.process.exitcode(), -SIGTERM);
  Waiting second;
  second.process.kill();
  EXPECT_TRUE(second.process.join(limit));
  EXPECT_EQ(second.process.exitcode(), -SIGKILL);
}

TEST(Process, VerbsOutOfTurnAreRefused) {
  joinery::Process fresh(program(), tasks().nothing.bind());
  EXPECT_EQ(fresh.pid(), std::nullopt);
  EXPECT_FALSE(fresh.is_alive());
  EXPECT_THROW(fresh.join(), ValueError);
  EXPECT_THROW(fresh.terminate(), ValueError);
  EXPECT_THROW(fresh.sentinel(), ValueError);
  Waiting waiting;
  EXPECT_THROW(waiting.process.start(), ValueError);
  EXPECT_THROW(waiting.process.close(), ValueError);
  waiting.process.kill();
  waiting.process.join();
  waiting.process.close();
  waiting.process.close();
  EXPECT_THROW(waiting.process.exitcode(), ValueError);
  EXPECT_THROW(joinery::Process(program(), BoundTask{"unknown", {}, {}}), ValueError);
}

TEST(Process, SentinelsTellWhichOfManyHasEnded) {
  Waiting first;
  Waiting second;
  const std::vector<int> both{first.process.sentinel(), second.process.sentinel()};
  EXPECT_THAT(wait(both, 0ms), IsEmpty());
  second.process.kill();
  EXPECT_THAT(wait(both, limit), ElementsAre(second.process.sentinel()));
}

TEST(Process, ActiveChildrenAreThoseThatRun) {
  EXPECT_THAT(active_children(), IsEmpty());
  Waiting first({.name = "first"});
  Waiting second;
  EXPECT_THAT(active_children(), ElementsAre(first.process, second.process));
  EXPECT_EQ(active_children()[0].name(), "first");
  first.process.kill();
  first.process.join();
  EXPECT_THAT(active_children(), ElementsAre(second.process));
}

TEST(Process, TheLastHandleJoinsAProcessAndEndsADaemon) {
  pid_t daemon = 0;
  {
    Waiting waiting({.daemon = true});
    daemon = waiting.process.pid().value_or(0);
    EXPECT_TRUE(waiting.process.daemon());
  }
  EXPECT_NE(::kill(daemon, 0), 0);
  auto [here, there] = Pipe();
  {
    joinery::Process process(program(), tasks().echo.bind(there));
    process.start();
    there.close();
    here.send_bytes("last words");
    EXPECT_EQ(here.recv_bytes(), "last words");
    here.close();
  }
  EXPECT_THAT(active_children(), IsEmpty());
}

TEST(Process, ADaemonEndsWithItsParentHoweverThatEndsAndOthersDoNot) {
  testing::Process parent({"/proc/self/exe", "own-children"});
  ASSERT_TRUE(eventually([&] { return parent.out().ends_with("\n"); }));
  int daemon = 0;
  int other = 0;
  std::sscanf(parent.out().c_str(), "%d %d", &daemon, &other);
  parent.signal(SIGKILL);
  parent.wait();
  EXPECT_TRUE(eventually([&] { return testing::gone(daemon); }));
  EXPECT_TRUE(eventually([&] { return testing::gone(other); })) << "its pipe has ended with its parent";
}

TEST(Process, CountsCores) { EXPECT_GE(cpu_count(), 1U); }

}  // namespace
}  // namespace joinery::testing
