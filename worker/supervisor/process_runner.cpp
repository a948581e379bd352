#include "worker/supervisor/process_runner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace joinery::worker {
namespace {

constexpr int not_executable = 127;

struct Ends {
  unique_fd socket;
  unique_fd board;
  unique_fd output;
};

std::unexpected<Error> system_error(const std::string& what) {
  return fail(Code::start_failed, what + ": " + std::strerror(errno));
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

Result<> make_ends(Spawned& ours, Ends& theirs) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return system_error("socketpair");
  ours.socket.reset(pair[0]);
  theirs.socket.reset(pair[1]);
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("pipe");
  ours.output.reset(pipe[0]);
  theirs.output.reset(pipe[1]);
  theirs.board.reset(::memfd_create("joinery-board", MFD_CLOEXEC));
  if (!theirs.board || ::ftruncate(theirs.board.get(), sizeof(pool::Board)) != 0)
    return system_error("memfd");
  ours.board = BoardView(theirs.board.get());
  set_nonblocking(ours.socket.get());
  set_nonblocking(ours.output.get());
  return {};
}

// In the child, between fork and exec: other threads may have held any lock, so only system calls.
[[noreturn]] void become(const Ends& ends, char* const* arguments, int parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(not_executable);
  const int high = 16;  // out of the way of the numbers that are set below
  const int socket = ::fcntl(ends.socket.get(), F_DUPFD_CLOEXEC, high);
  const int board = ::fcntl(ends.board.get(), F_DUPFD_CLOEXEC, high);
  const int output = ::fcntl(ends.output.get(), F_DUPFD_CLOEXEC, high);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::dup2(socket, pool::descriptor);
  ::dup2(board, pool::board_descriptor);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(arguments[0], arguments);
  const char* reason = ::strerrordesc_np(errno);
  for (const char* part : {"cannot execute ", static_cast<const char*>(arguments[0]), ": ", reason, "\n"}) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, part, std::strlen(part));
  }
  ::_exit(not_executable);
}

// A number after `word` in a file of "word number" lines.
std::uint64_t number_in(const char* path, std::string_view word) {
  std::ifstream file(path);
  std::string key;
  std::uint64_t value = 0;
  while (file >> key >> value) {
    if (key == word) return value;
  }
  return 0;
}

}  // namespace

Result<Spawned> spawn(const std::vector<std::string>& command) {
  Spawned ours;
  Ends theirs;
  if (auto made = make_ends(ours, theirs); !made) return std::unexpected(made.error());
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int parent = ::getpid();
  ours.pid = ::fork();
  if (ours.pid < 0) return system_error("fork");
  if (ours.pid == 0) become(theirs, arguments.data(), parent);
  ::setpgid(ours.pid, ours.pid);  // both sides, so that the group is there whoever comes first
  ours.alive.reset(static_cast<int>(::syscall(SYS_pidfd_open, ours.pid, 0)));
  if (!ours.alive) {
    const auto error = system_error("pidfd_open");
    kill_group(ours.pid);
    ::waitpid(ours.pid, nullptr, 0);
    return error;
  }
  return ours;
}

void kill_group(int pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);
}

Crash collect(int pid) {
  Crash crash;
  crash.pid = pid;
  rusage usage{};
  ::wait4(pid, &crash.status, 0, &usage);
  crash.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) << 10U;
  return crash;
}

std::unordered_map<int, std::uint64_t> resident_bytes_of_groups() {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::unordered_map<int, std::uint64_t> groups;
  std::error_code none;
  for (const auto& process : std::filesystem::directory_iterator("/proc", none)) {
    if (!std::isdigit(static_cast<unsigned char>(process.path().filename().native().front()))) continue;
    std::string stat;
    std::getline(std::ifstream(process.path() / "stat"), stat);
    const std::size_t name_end = stat.rfind(')');  // the name may have anything in it
    if (name_end == std::string::npos) continue;   // it is gone
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    int group = 0;
    std::uint64_t resident = 0;
    fields >> skipped >> skipped >> group;           // state, parent, group
    for (int i = 5; i < 23; ++i) fields >> skipped;  // session to vsize: proc(5)
    if (fields >> resident) groups[group] += resident * page;
  }
  return groups;
}

std::uint64_t out_of_memory_kills() {
  return number_in("/proc/vmstat", "oom_kill") + number_in("/sys/fs/cgroup/memory.events", "oom_kill");
}

}  // namespace joinery::worker
