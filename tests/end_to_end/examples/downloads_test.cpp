// joinery-downloads against a server that takes its time.
#include <gmock/gmock.h>
#include <signal.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "joinery/client.h"
#include "joinery/pack.h"
#include "scripted_server.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::HasSubstr;

// Opens for all, for ever.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class DownloadsExample : public ::testing::Test {
 protected:
  DownloadsExample() { ::setenv("no_proxy", "*", 1); }
  ~DownloadsExample() override { gate_.open(); }

  Process& start_worker(const std::string& concurrency) {
    return stack_.start_worker({"--processes", "1", "--concurrency", concurrency},
                               program("joinery-downloads"));
  }
  std::string path(int number) const { return files_ / std::to_string(number); }
  JobId submit(Client& client, int number, SubmitOptions options = {}) {
    return client
        .submit("download", pack(server_.url("/" + std::to_string(number)), path(number)), std::move(options))
        .get();
  }
  std::vector<JobId> submit_many(Client& client, int number) {
    std::vector<JobId> jobs;
    for (int i = 0; i < number; ++i) jobs.push_back(submit(client, i));
    return jobs;
  }
  static void expect_all_succeed(Client& client, const std::vector<JobId>& jobs, std::uint32_t attempt = 1) {
    for (const JobOutcome& outcome : client.wait(jobs)) {
      EXPECT_EQ(outcome.outcome, Outcome::succeeded) << outcome.failure.message;
      EXPECT_EQ(outcome.token.attempt, attempt);
    }
  }
  std::size_t asked_for_the_rest() const {
    const auto asked = server_.asked();
    return static_cast<std::size_t>(std::ranges::count_if(
        asked, [](const Asked& each) { return each.head.find("Range: bytes=5-") != std::string::npos; }));
  }

  Stack stack_;
  TempDir files_;
  Gate gate_;
  std::atomic<int> begun_{0};
  std::function<void(const Asked&, Answer&)> say_;
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say_(asked, answer); }};
};

TEST_F(DownloadsExample, HundredsAreUnderWayAtOnceOnOneThread) {
  constexpr int all = 300;
  say_ = [this](const Asked&, Answer& answer) {
    if (++begun_ == all) gate_.open();
    gate_.pass();
    answer.page("twelve bytes");
  };
  start_worker("300");
  Client client(stack_.endpoint());
  expect_all_succeed(client, submit_many(client, all));
  for (int i = 0; i < all; ++i) EXPECT_EQ(std::filesystem::file_size(path(i)), 12U);
}

// Half of each file comes before the process is killed; the other half after.
TEST_F(DownloadsExample, AfterTheDeathOfTheProcessEachGoesOnWhereItWas) {
  constexpr int all = 20;
  say_ = [this](const Asked& asked, Answer& answer) {
    const std::string version = "ETag: \"1\"\r\n";
    if (asked.head.find("Range: bytes=5-") != std::string::npos) {
      answer.write("HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n" + version +
                   "\r\n56789");
      return;
    }
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + version + "\r\n01234");
    ++begun_;
    gate_.pass();
    answer.close();
  };
  Process& worker = start_worker("50");
  Client client(stack_.endpoint());
  const auto jobs = submit_many(client, all);
  const auto half = [this](int i) {
    std::error_code error;
    return std::filesystem::file_size(path(i) + ".part", error) == 5 && !error;
  };
  ASSERT_TRUE(eventually([&] {
    int number = 0;
    for (int i = 0; i < all; ++i) number += half(i) ? 1 : 0;
    return number == all;
  }));
  for (const pid_t process : children_of(worker.pid())) ::kill(process, SIGKILL);
  expect_all_succeed(client, jobs, 2);
  EXPECT_EQ(asked_for_the_rest(), std::size_t{all});
  for (int i = 0; i < all; ++i) {
    std::string content;
    std::getline(std::ifstream(path(i)), content);
    EXPECT_EQ(content, "0123456789");
  }
}

TEST_F(DownloadsExample, A404FailsForGoodACancelledOneEndsAndTheirNeighbourIsNotTouched) {
  say_ = [this](const Asked& asked, Answer& answer) {
    if (asked.target == "/404") return answer.status(404);
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    gate_.pass();
    answer.write("56789");
  };
  start_worker("10");
  Client client(stack_.endpoint());
  const JobId neighbour = submit(client, 1);
  const JobId cancelled = submit(client, 2);
  const JobId missing = submit(client, 404);
  const auto gone = client.wait({missing}).front();
  EXPECT_EQ(gone.outcome, Outcome::failed);
  EXPECT_EQ(gone.token.attempt, 1U);
  EXPECT_THAT(gone.failure.message, HasSubstr("status 404"));
  const auto shows_progress = [&](JobId job) {
    return stack_.joinery({"job", "show", std::to_string(job)}).out.find("5 of 10 bytes") !=
           std::string::npos;
  };
  ASSERT_TRUE(eventually([&] { return shows_progress(neighbour) && shows_progress(cancelled); }));
  ASSERT_EQ(stack_.joinery({"cancel", std::to_string(cancelled)}).status, 0);
  EXPECT_EQ(client.wait({cancelled}).front().outcome, Outcome::cancelled);
  gate_.open();
  EXPECT_EQ(client.wait({neighbour}).front().token.attempt, 1U);
  EXPECT_TRUE(std::filesystem::exists(path(1)));
  EXPECT_FALSE(std::filesystem::exists(path(2)));
}

TEST_F(DownloadsExample, TheHardTimeLimitKillsTheProcessAndOnlyTheLateOnePaysWithItsAttempt) {
  say_ = [this](const Asked& asked, Answer& answer) {
    if (asked.target == "/2") {
      gate_.pass();
      return answer.close();
    }
    answer.page("twelve bytes");
  };
  start_worker("10");
  Client client(stack_.endpoint());
  SubmitOptions late;
  late.spec.hard_timeout_ms = 300;
  late.spec.attempts = 1;
  const auto outcome = client.wait({submit(client, 2, late)}).front();
  EXPECT_EQ(outcome.outcome, Outcome::failed);
  EXPECT_EQ(outcome.failure.code, Code::hard_time_limit);
  EXPECT_EQ(client.wait({submit(client, 1)}).front().outcome, Outcome::succeeded);
}

TEST_F(DownloadsExample, ConcurrencyWithoutAHandlerThatWaitsOrBeyondTheBoardIsRefused) {
  const auto refused = [this](std::vector<std::string> argv) {
    argv.insert(argv.end(), {"--endpoint", stack_.endpoint()});
    const Finished finished = run(std::move(argv));
    EXPECT_NE(finished.status, 0);
    return finished.err;
  };
  EXPECT_THAT(refused({program("joinery-worker"), "--allow-exec", "--concurrency", "2"}),
              HasSubstr("none of the handlers waits"));
  EXPECT_THAT(refused({program("joinery-downloads"), "--threads", "2", "--concurrency", "1000"}),
              HasSubstr("threads x concurrency is 2 x 1000"));
}

}  // namespace
}  // namespace joinery::testing
