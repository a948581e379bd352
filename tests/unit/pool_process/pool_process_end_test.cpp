// How a pool process ends, and what it leaves: nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool.h"
#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"

namespace joinery::pool_process {
namespace {

Buffer command(const std::vector<std::string>& argv) {
  Buffer payload;
  protocol::Writer out(payload);
  out.map(1);
  out.str("argv");
  out.array(argv.size());
  for (const std::string& argument : argv) out.str(argument);
  return payload;
}

bool exited(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

// A pipe whose writing end a command holds: its end comes when nobody has it open any more.
struct Fifo {
  std::string path = ::testing::TempDir() + "pool_fifo_" + std::to_string(getpid());
  int fd = -1;
  Fifo() {
    ::unlink(path.c_str());
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  }
  ~Fifo() {
    ::close(fd);
    ::unlink(path.c_str());
  }
  // The next byte, or '\0' when the last writer is gone.
  char next() const {
    pollfd polled{fd, POLLIN, 0};
    EXPECT_GT(::poll(&polled, 1, 60'000), 0);
    char byte = 0;
    return ::read(fd, &byte, 1) == 1 ? byte : '\0';
  }
};

TEST(PoolProcessEnd, after_stop_it_finishes_what_it_was_given_and_exits_0) {
  Pool pool;
  pool.run("noop", 1, std::vector<Bytes>(500, ""));
  pool.send(pool::Stop{});
  EXPECT_EQ(pool.outcomes(500).size(), 500U);
  EXPECT_TRUE(exited(pool.wait(), 0));
}

TEST(PoolProcessEnd, a_job_can_be_cancelled_after_stop) {
  Pool pool;
  pool.run("wait", 1, {""});
  pool.send(pool::Stop{});
  pool.send(pool::Cancel{1, Code::cancelled});
  EXPECT_EQ(pool.outcomes(1).size(), 1U);
  EXPECT_TRUE(exited(pool.wait(), 0));
}

TEST(PoolProcessEnd, without_its_supervisor_it_ends_at_once_with_every_command_that_it_started) {
  const Fifo fifo;
  Pool pool;
  // A command's own child too, which knows nothing of the pool process.
  pool.run("exec", 1, {command({"sh", "-c", "(echo x; sleep 1000) > " + fifo.path + " & wait"})});
  ASSERT_EQ(fifo.next(), 'x');
  ASSERT_EQ(fifo.next(), '\n');
  pool.close();
  EXPECT_TRUE(WIFSIGNALED(pool.wait()));
  EXPECT_EQ(fifo.next(), '\0');
}

TEST(PoolProcessEnd, a_crash_looks_like_one) {
  Pool pool;
  pool.run("crash", 7, {""});
  const int status = pool.wait();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  EXPECT_EQ(pool.board().threads[0].running().first, 7U);
}

TEST(PoolProcessEnd, SIGTERM_and_SIGINT_are_for_the_supervisor) {
  Pool pool;
  ::kill(pool.pid(), SIGTERM);
  ::kill(pool.pid(), SIGINT);
  pool.run("noop", 1, {""});
  EXPECT_TRUE(pool.outcomes(1)[0].ok);
}

TEST(PoolProcessEnd, a_failing_initializer_ends_it_before_it_is_ready) {
  Pool pool(1, false, {"FAIL_INITIALIZER=1"});
  EXPECT_THROW(pool.receive(), std::runtime_error);
  EXPECT_TRUE(exited(pool.wait(), 1));
}

TEST(PoolProcessEnd, it_refuses_what_no_supervisor_sends) {
  Pool pool;
  pool.send_bytes("\xc1");
  EXPECT_TRUE(exited(pool.wait(), 70));
}

TEST(PoolProcessEnd, a_cancelled_command_gets_SIGTERM_though_the_pool_process_ignores_it) {
  const Fifo fifo;
  Pool pool;
  pool.run("exec", 1, {command({"sh", "-c", "echo x > " + fifo.path + "; exec sleep 1000"})});
  ASSERT_EQ(fifo.next(), 'x');
  pool.send(pool::Cancel{1, Code::cancelled});
  const auto outcome = pool.outcomes(1)[0];
  EXPECT_EQ(outcome.failure.code, Code::cancelled);
  EXPECT_EQ(outcome.failure.message, "15: SIGTERM");
}

}  // namespace
}  // namespace joinery::pool_process
