#include "worker/handlers/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "shared/base/unique_fd.h"
#include "worker/handlers/line_tap.h"
#include "worker/handlers/process_tree.h"
#include "worker/handlers/spawn.h"

namespace joinery::handlers {
namespace {

struct Pipe {
  unique_fd read;
  unique_fd write;
};

bool open_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read.reset(ends[0]);
  pipe.write.reset(ends[1]);
  return true;
}

void never_wait(const unique_fd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// Keeps the beginning of what comes through a pipe, and throws the rest away.
struct Capture {
  Pipe pipe;
  LineTap tap;
  Buffer kept = {};
  bool truncated = false;

  // Takes what is there; closes the pipe at its end.
  void read(std::size_t most) {
    std::array<char, 65536> chunk;
    while (pipe.read) {
      const ssize_t size = ::read(pipe.read.get(), chunk.data(), chunk.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return pipe.read.reset();
      const std::size_t fits = std::min(static_cast<std::size_t>(size), most - kept.size());
      kept.append(chunk.data(), fits);
      tap.add(read_clocks().mono, {chunk.data(), static_cast<std::size_t>(size)});
      truncated = truncated || fits < static_cast<std::size_t>(size);
      if (static_cast<std::size_t>(size) < chunk.size()) return;  // all that was there: spares a call
    }
  }
};

class Run {
 public:
  Run(const Command& command, std::size_t output_max, JobContext& job)
      : command_(command), output_max_(output_max), job_(job) {}

  Result<Ended> run() {
    if (!open()) return fail(Code::start_failed, fmt::format("cannot open pipes: {}", strerror(errno)));
    auto pid = spawn(command_, {in_.read.get(), out_.pipe.write.get(), err_.pipe.write.get()});
    if (!pid) return std::unexpected(pid.error());
    pid_ = *pid;
    in_.read.reset();
    out_.pipe.write.reset();
    err_.pipe.write.reset();
    // Readable when the command ends, even if others still hold its pipes. Without it (Linux before 5.3) the
    // end of both pipes has to do.
    ended_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));

    job_.on_cancel([fd = cancelled_.get()] { eventfd_write(fd, 1); });
    while (!step()) {
    }
    job_.on_cancel({});
    out_.tap.end();
    err_.tap.end();
    return Ended{reap(), std::move(out_.kept), std::move(err_.kept), out_.truncated || err_.truncated};
  }

 private:
  bool open() {
    if (command_.input && !open_pipe(in_)) return false;
    if (!open_pipe(out_.pipe) || !open_pipe(err_.pipe)) return false;
    cancelled_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!cancelled_) return false;
    if (in_.write) never_wait(in_.write);
    never_wait(out_.pipe.read);
    never_wait(err_.pipe.read);
    return true;
  }

  // Waits for something to do and does it. True when the command has ended.
  bool step() {
    if (in_.write && written_ == command_.input->size()) in_.write.reset();
    if (!ended_ && !out_.pipe.read && !err_.pipe.read) return true;
    // poll ignores negative descriptors.
    std::array<pollfd, 5> polled{{{ended_.get(), POLLIN, 0},
                                  {out_.pipe.read.get(), POLLIN, 0},
                                  {err_.pipe.read.get(), POLLIN, 0},
                                  {in_.write.get(), POLLOUT, 0},
                                  {terminated_ ? -1 : cancelled_.get(), POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), until_deadline_ms());
    if (ready == 0 || polled[4].revents != 0) terminate();
    if (ready <= 0) return false;
    const bool over = polled[0].revents != 0;
    if (over || polled[1].revents != 0) out_.read(output_max_);
    if (over || polled[2].revents != 0) err_.read(output_max_);
    if (polled[3].revents != 0) write_input();
    return over;
  }

  int until_deadline_ms() const {
    const auto deadline = job_.deadline();
    if (terminated_ || !deadline) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - read_clocks().mono).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  void terminate() {
    if (!job_.cancelled()) return;  // an hour of a longer limit is over
    terminated_ = true;
    signal_tree(pid_, SIGTERM);
  }

  void write_input() {
    const Bytes rest = command_.input->substr(written_);
    const ssize_t size = ::write(in_.write.get(), rest.data(), rest.size());
    if (size >= 0) {
      written_ += static_cast<std::size_t>(size);
    } else if (errno != EAGAIN && errno != EINTR) {
      in_.write.reset();  // the command does not want the rest
    }
  }

  int reap() const {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  const Command& command_;
  const std::size_t output_max_;
  JobContext& job_;
  Pipe in_;
  Capture out_{.pipe = {}, .tap = LineTap(job_, "stdout")};
  Capture err_{.pipe = {}, .tap = LineTap(job_, "stderr")};
  unique_fd cancelled_;
  unique_fd ended_;
  std::size_t written_ = 0;
  pid_t pid_ = 0;
  bool terminated_ = false;
};

}  // namespace

Result<Ended> run_command(const Command& command, std::size_t output_max, JobContext& job) {
  return Run(command, output_max, job).run();
}

}  // namespace joinery::handlers
