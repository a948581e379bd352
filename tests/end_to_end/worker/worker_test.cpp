// The worker among the real programs: what dies, is drained or ends, and that no job is lost by it.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

constexpr int jobs = 400;

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() { std::filesystem::create_directory(done_); }

  // One job per number, which leaves a file of that name; the program ends when all have ended.
  void map() {
    std::string items;
    for (int i = 0; i < jobs; ++i) items += std::to_string(i) + "\n";
    map_ = std::make_unique<Process>(
        std::vector<std::string>{program("joinery"), "--endpoint", stack_.endpoint(), "map", "exec", "--",
                                 "touch", done_ + "/{}"},
        Process::Options{.environment = {}, .directory = {}, .input = items, .ready = false});
  }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(done_), std::filesystem::directory_iterator{});
  }
  void wait_for_files(std::ptrdiff_t least) {
    ASSERT_TRUE(eventually([&] { return files() >= least; }));
  }
  void expect_all_done() {
    EXPECT_EQ(map_->wait(), 0) << map_->err();
    EXPECT_EQ(files(), jobs);
  }

  Stack stack_;
  std::string done_ = stack_.dir() / "done";
  std::unique_ptr<Process> map_;
};

TEST_F(WorkerTest, KilledPoolProcessesLoseNoJob) {
  auto& worker = stack_.start_worker();
  map();
  for (const std::ptrdiff_t moment : {20, 120, 220}) {
    wait_for_files(moment);
    for (const pid_t process : children_of(worker.pid())) ::kill(process, SIGKILL);
  }
  expect_all_done();
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
}

TEST_F(WorkerTest, AKilledWorkerLosesNoJobAndLeavesNoProcess) {
  auto& worker = stack_.start_worker();
  map();
  wait_for_files(50);
  const auto processes = children_of(worker.pid());
  worker.signal(SIGKILL);
  worker.wait();
  for (const pid_t process : processes) {
    EXPECT_TRUE(eventually([process] { return ::kill(process, 0) != 0; }));
  }
  stack_.start_worker();
  expect_all_done();
}

TEST_F(WorkerTest, AWorkerThatIsToldToStopHandsItsJobsToTheNext) {
  auto& worker = stack_.start_worker();
  map();
  wait_for_files(50);
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
  stack_.start_worker();
  expect_all_done();
}

TEST_F(WorkerTest, ABurstWorksUntilNothingIsLeftAndExits) {
  for (const std::string name : {"a", "b", "c"}) {
    ASSERT_EQ(stack_.joinery({"submit", "exec", "--", "touch", done_ + "/" + name}).status, 0);
  }
  auto& worker = stack_.start_worker({"--allow-exec", "--processes", "2", "--burst"});
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_EQ(files(), 3);
}

TEST_F(WorkerTest, ProcessesAreReplacedAfterTheirJobsWithoutLosingOne) {
  stack_.start_worker({"--allow-exec", "--processes", "2", "--max-jobs-per-process", "50"});
  map();
  expect_all_done();
}

TEST_F(WorkerTest, TheMemoryLimitCountsTheCommandsToo) {
  stack_.start_worker({"--allow-exec", "--processes", "1", "--memory-limit", "150MiB"});
  // tail keeps what has no line's end; the pool process itself stays small.
  const Finished said = stack_.joinery({"submit", "--wait", "--attempts", "1", "exec", "--", "sh", "-c",
                                        "{ head -c 300000000 /dev/zero; exec sleep 60; } | tail"});
  EXPECT_EQ(said.status, 2);
  EXPECT_THAT(said.err, ::testing::HasSubstr("memory_limit"));
}

}  // namespace
}  // namespace joinery::testing
