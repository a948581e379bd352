#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace joinery::testing {
namespace {

constexpr int ready_descriptor = 9;

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* argv, const std::string& in, const std::string& out,
                         const std::string& err, const std::string& directory, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fds[3] = {::open(in.c_str(), O_RDONLY), ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
                      ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
  for (int i = 0; i < 3; ++i) ::dup2(fds[i], i);
  if (ready == ready_descriptor) ::fcntl(ready, F_SETFD, 0);  // dup2 would leave it to be closed
  if (ready >= 0) ::dup2(ready, ready_descriptor);
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) ::_exit(126);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

}  // namespace

Process::Process(std::vector<std::string> argv) : Process(std::move(argv), Options{}) {}

Process::Process(std::vector<std::string> argv, Options options) : argv_(std::move(argv)) {
  std::ofstream(dir_ / "in", std::ios::binary) << options.input;
  int pipe_ends[2] = {-1, -1};
  if (options.ready && ::pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  ready_.reset(pipe_ends[0]);
  unique_fd ready_write(pipe_ends[1]);

  std::vector<char*> arguments;
  for (std::string& argument : argv_) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const std::string in = dir_ / "in", out = dir_ / "out", err = dir_ / "err";
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    become(arguments.data(), in, out, err, options.directory, ready_write.get());
  }
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return false;
}

void Process::signal(int number) {
  if (running()) ::kill(pid_, number);
}

int Process::wait(std::chrono::seconds limit) {
  pollfd waiting{pidfd_.get(), POLLIN, 0};
  if (running() && ::poll(&waiting, 1, static_cast<int>(limit.count() * 1000)) == 1) running();
  if (!status_) throw std::runtime_error(argv_[0] + " did not end in time; it said:\n" + out() + err());
  return *status_;
}

std::string Process::wait_ready(std::chrono::seconds limit) {
  std::string line;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{ready_.get(), POLLIN, 0};
    char bytes[512];
    const bool readable = left.count() > 0 && ::poll(&waiting, 1, static_cast<int>(left.count())) == 1;
    const ssize_t count = readable ? ::read(ready_.get(), bytes, sizeof bytes) : 0;
    if (count <= 0) {
      pollfd ended{pidfd_.get(), POLLIN, 0};
      ::poll(&ended, 1, 1000);  // who closed its descriptor is about to
      const std::string how = running() ? "runs" : "ended with " + std::to_string(*status_);
      throw std::runtime_error(argv_[0] + " did not become ready (" + how + "); it said:\n" + out() + err());
    }
    line.append(bytes, static_cast<std::size_t>(count));
  }
  return line.substr(0, line.find('\n'));
}

std::string Process::out() const { return slurp(dir_ / "out"); }
std::string Process::err() const { return slurp(dir_ / "err"); }

Finished run(std::vector<std::string> argv, Process::Options options) {
  Process process(std::move(argv), std::move(options));
  const int status = process.wait(std::chrono::seconds(120));
  return {status, process.out(), process.err()};
}

std::string without_line_end(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(parent) + "/task", ignored)) {
    std::ifstream list(thread.path() / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

std::vector<pid_t> family_of(pid_t parent) {
  std::vector<pid_t> all{parent};
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const pid_t child : children_of(all[i])) all.push_back(child);
  return all;
}

bool gone(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  return !std::getline(stat, text) || text.find(") Z ") != std::string::npos;
}

bool eventually(const std::function<bool()>& done, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace joinery::testing
