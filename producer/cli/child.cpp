#include "producer/cli/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "shared/base/exit_code.h"

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace joinery::cli {
namespace {

std::string exit_meaning(int code) {
  switch (code) {
#define X(name, number, meaning) \
  case number: return #name ": " meaning;
    JOINERY_EXIT_CODES(X)
#undef X
    default: return "not one of ours";
  }
}

// In the child, after fork: only what is safe there.
[[noreturn]] void become(char* const* argv, pid_t parent, int ready) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(0);  // it died before we could ask to be told
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::close(null);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // our stdout is for what we announce
  ::fcntl(ready, F_SETFD, 0);
  ::execv(argv[0], argv);
  ::_exit(127);
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

}  // namespace

Result<std::string> find_program(const std::string& name) {
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (const std::string beside = (self.parent_path() / name).string(); is_program(beside)) return beside;
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (const std::string found = fmt::format("{}/{}", folder, name); is_program(found)) return found;
  }
  return fail(Code::io_error, fmt::format("{} is neither beside this program nor in PATH", name));
}

Result<Child> start_child(std::vector<std::string> argv) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return fail(Code::io_error, fmt::format("a pipe cannot be made: {}", std::strerror(errno)));
  Child child;
  child.ready.reset(pipe[0]);
  const unique_fd writing(pipe[1]);
  argv.insert(argv.end(), {"--ready-fd", fmt::format("{}", writing.get())});
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);

  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid == 0) become(words.data(), parent, writing.get());
  if (child.pid > 0) child.pidfd.reset(::pidfd_open(child.pid, 0));
  if (child.pid < 0 || !child.pidfd)
    return fail(Code::io_error, fmt::format("{} cannot be started: {}", argv.front(), std::strerror(errno)));
  return child;
}

std::string read_ready(Child& child) {
  std::string line(4096, '\0');
  const ssize_t got = ::read(child.ready.get(), line.data(), line.size());
  child.ready.reset();
  line.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return line.substr(0, line.find('\n'));
}

int reap(Child& child) {
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = Child{};
  return status;
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(wait_status),
                       ::strsignal(WTERMSIG(wait_status)));
  const int code = WEXITSTATUS(wait_status);
  return fmt::format("exited with code {} ({})", code,
                     code == 127 ? "it could not be executed" : exit_meaning(code));
}

}  // namespace joinery::cli
