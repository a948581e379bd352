#include "pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <deque>
#include <stdexcept>

#include "shared/base/check.h"

namespace joinery::pool_process {
namespace {

constexpr int limit_ms = 60'000;

}  // namespace

Pool::Pool(int threads, bool wait_for_ready, std::vector<std::string> environment) {
  open_and_start({POOL_PROCESS_SUBJECT, std::to_string(threads)}, environment);
  if (wait_for_ready) ready = receive_a<pool::Ready>();
}

Pool::Pool(const std::vector<std::string>& argv) {
  open_and_start(argv, {});
  ready = receive_a<pool::Ready>();
}

void Pool::open_and_start(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  int ends[2];
  JOINERY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  socket_.reset(ends[0]);
  // High numbers, so that dup2 to 3 and 4 in the child steps on neither.
  const unique_fd theirs(::fcntl(ends[1], F_DUPFD_CLOEXEC, 50));
  ::close(ends[1]);
  const unique_fd made(::memfd_create("board", MFD_CLOEXEC));
  const unique_fd board(::fcntl(made.get(), F_DUPFD_CLOEXEC, 50));
  JOINERY_CHECK(::ftruncate(board.get(), sizeof(pool::Board)) == 0);
  void* memory = ::mmap(nullptr, sizeof(pool::Board), PROT_READ | PROT_WRITE, MAP_SHARED, board.get(), 0);
  JOINERY_CHECK(memory != MAP_FAILED);
  board_ = static_cast<pool::Board*>(memory);
  start(argv, theirs.get(), board.get(), environment);
}

void Pool::start(const std::vector<std::string>& argv, int socket, int board,
                 const std::vector<std::string>& environment) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, socket, pool::descriptor);
  posix_spawn_file_actions_adddup2(&files, board, pool::board_descriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (const std::string& one : argv) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
  for (char** own = environ; *own; ++own) variables.push_back(*own);
  variables.push_back(nullptr);
  JOINERY_CHECK(posix_spawn(&pid_, arguments[0], &files, &attributes, arguments.data(), variables.data()) ==
                0);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
}

Pool::~Pool() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    wait();
  }
  ::munmap(board_, sizeof(pool::Board));
}

void Pool::send(const pool::Message& message) {
  Buffer out;
  pool::encode(message, out);
  send_bytes(out);
}

// Reads while the process does not, so that neither waits for the other.
void Pool::send_bytes(Bytes bytes) {
  while (!bytes.empty()) {
    pollfd polled{socket_.get(), POLLIN | POLLOUT, 0};
    ASSERT_GT(::poll(&polled, 1, limit_ms), 0);
    if ((polled.revents & POLLIN) != 0) fill();
    if ((polled.revents & POLLOUT) == 0) continue;
    const ssize_t size = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    ASSERT_TRUE(size > 0 || errno == EAGAIN);
  }
}

void Pool::run(const std::string& handler, JobId first, const std::vector<Bytes>& payloads,
               pool::RunInfo info) {
  pool::Run run{handler, std::move(info), {}};
  for (Bytes payload : payloads) run.jobs.push_back({{first++, 1, 1}, 9, payload});
  send(run);
}

bool Pool::fill() {
  char chunk[65536];
  const ssize_t size = ::recv(socket_.get(), chunk, sizeof chunk, 0);
  if (size <= 0) return false;
  in_.append(chunk, static_cast<std::size_t>(size));
  return true;
}

pool::Message Pool::receive() {
  in_.erase(0, std::exchange(taken_, 0));
  pool::Message message;
  for (;;) {
    const auto taken = pool::decode(in_, message);
    if (!taken) throw std::runtime_error(taken.error().message);
    taken_ = *taken;
    if (taken_ > 0) return message;
    pollfd polled{socket_.get(), POLLIN, 0};
    if (::poll(&polled, 1, limit_ms) <= 0) throw std::runtime_error("no message came");
    if (!fill()) throw std::runtime_error("the pool process has ended");
  }
}

std::vector<pool::Done::One> Pool::outcomes(std::size_t count) {
  std::vector<pool::Done::One> all;
  std::vector<std::string> results;
  while (all.size() < count) {
    for (pool::Done::One& one : receive_a<pool::Done>().outcomes) {
      results.emplace_back(one.result);
      for (Group& group : one.children) group.payloads.clear();  // views that do not last
      all.push_back(std::move(one));
    }
  }
  kept_ = std::move(results);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].result = kept_[i];
  EXPECT_EQ(all.size(), count);
  return all;
}

int Pool::wait() {
  int status = 0;
  JOINERY_CHECK(::waitpid(pid_, &status, 0) == pid_);
  pid_ = -1;
  return status;
}

}  // namespace joinery::pool_process
