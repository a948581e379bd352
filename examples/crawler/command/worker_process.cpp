#include "command/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "crawl/now.h"

namespace crawler {

WorkerProcess::WorkerProcess(std::vector<std::string> arguments, std::string log)
    : arguments_(std::move(arguments)), log_(std::move(log)) {
  start();
}

WorkerProcess::~WorkerProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void WorkerProcess::start() {
  std::vector<char*> argv;
  for (const std::string& each : arguments_) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = getpid();
  started_ms_ = now_unix_ms();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("the worker cannot be started: no process to be had");
  if (pid_ > 0) {
    close(log);
    return;
  }
  // The child. It ends in order if we are killed, and not by the terminal's Ctrl-C, which is for us.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(0);
  setpgid(0, 0);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

void WorkerProcess::look_after() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return;
  constexpr int early_ms = 2000;
  early_ends_ = now_unix_ms() - started_ms_ < early_ms ? early_ends_ + 1 : 0;
  pid_ = -1;
  if (early_ends_ >= 5) throw std::runtime_error("the worker ends as soon as it is started: see " + log_);
  start();
}

}  // namespace crawler
