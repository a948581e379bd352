// posix_spawn cannot set the signal that follows the parent's death, and fork copies page tables; so vfork:
// the child borrows the caller's memory and stops the calling thread until it has become the program.
#include "worker/handlers/spawn.h"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace joinery::handlers {
namespace {

enum class Step { none, directory, program };

struct Child {
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory = nullptr;
  Streams streams;
  sigset_t mask{};
  pid_t parent = 0;
  volatile Step failed = Step::none;
  volatile int error = 0;
};

int give_up(Child& child, Step step) {
  child.error = errno;
  child.failed = step;
  return 127;
}

// Runs in the borrowed memory: only system calls, and nothing of the parent's is changed but `child`. The
// address sanitizer must not mark its frame: exec leaves it without a return, and the marks would stay.
[[gnu::no_sanitize_address]] int become_program(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  // What the pool process ignores the command must not; handlers are reset by exec.
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) signal(number, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) return 127;
  if (child.streams.in >= 0) dup2(child.streams.in, STDIN_FILENO);
  dup2(child.streams.out, STDOUT_FILENO);
  dup2(child.streams.err, STDERR_FILENO);
  if (child.directory && chdir(child.directory) != 0) return give_up(child, Step::directory);
  sigprocmask(SIG_SETMASK, &child.mask, nullptr);
  execvpe(child.argv[0], child.argv.data(), child.environment.data());
  return give_up(child, Step::program);
}

pid_t start_program(Child& child) {
  alignas(16) std::array<char, 65536> stack;
  return clone(become_program, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  return pointers;
}

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

std::vector<char*> environment_of(const Command& command) {
  std::vector<char*> all = pointers(command.environment);
  for (char** own = environ; own && *own; ++own) {
    bool hidden = false;
    for (const std::string& set : command.environment) hidden = hidden || name_of(set) == name_of(*own);
    if (!hidden) all.push_back(*own);
  }
  all.push_back(nullptr);
  return all;
}

}  // namespace

Result<pid_t> spawn(const Command& command, const Streams& streams) {
  Child child;
  child.argv = pointers(command.argv);
  child.argv.push_back(nullptr);
  child.environment = environment_of(command);
  if (!command.directory.empty()) child.directory = command.directory.c_str();
  child.streams = streams;
  child.parent = getpid();

  // No signal handler of the process may run in the child.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &child.mask);
  const pid_t pid = start_program(child);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &child.mask, nullptr);

  if (pid < 0) return fail(Code::start_failed, fmt::format("cannot start a process: {}", strerror(error)));
  if (child.failed != Step::none) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (child.failed == Step::directory) {
    return fail(Code::command_not_found,
                fmt::format("cannot change to directory {}: {}", command.directory, strerror(child.error)),
                "cwd");
  }
  if (child.failed == Step::program) {
    return fail(Code::command_not_found, fmt::format("{}: {}", command.argv[0], strerror(child.error)),
                "argv");
  }
  return pid;
}

}  // namespace joinery::handlers
