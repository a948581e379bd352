#include "producer/sdk/self.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>

namespace joinery::sdk {
namespace {

constexpr std::string_view flag = "--joinery-child";
constexpr int description_fd = 3;
constexpr int owner_fd = 4;
constexpr int first_fd = 5;
constexpr int not_executable = 127;

std::unexpected<Error> system_error(const char* what) {
  return fail(Code::start_failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

Result<unique_fd> memory_file(Bytes content) {
  unique_fd file(::memfd_create("joinery-child", MFD_CLOEXEC));
  if (!file) return system_error("memfd_create");
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0) return system_error("writing what the process is given");
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return file;
}

Result<Buffer> whole_file(int fd) {
  const auto refused = fail(Code::invalid_argument, fmt::format("{} is for this program's own use", flag));
  struct stat status {};
  // A memory file has no name.
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 0) return refused;
  Buffer content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t at = 0;
  while (at < content.size()) {
    const ssize_t count = ::pread(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (count <= 0) return refused;
    at += static_cast<std::size_t>(count);
  }
  return content;
}

// In the child, between fork and exec: other threads may have held any lock, so only system calls. `moved`
// has room for a copy of each descriptor.
[[noreturn]] void become(const std::vector<int>& descriptors, std::vector<int>& moved, char* const* arguments,
                         bool own_group) {
  if (own_group) ::setpgid(0, 0);
  const int end = description_fd + static_cast<int>(descriptors.size());
  for (std::size_t i = 0; i < descriptors.size(); ++i) moved[i] = ::fcntl(descriptors[i], F_DUPFD, end);
  for (std::size_t i = 0; i < moved.size(); ++i) ::dup2(moved[i], description_fd + static_cast<int>(i));
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::close_range(static_cast<unsigned>(end), ~0U, 0);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv("/proc/self/exe", arguments);
  const char* reason = ::strerrordesc_np(errno);
  for (const char* part : {"cannot execute this program again: ", reason, "\n"}) {
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, part, std::strlen(part));
  }
  ::_exit(not_executable);
}

}  // namespace

Result<Started> start_self(const Start& start) {
  auto description = memory_file(start.description);
  if (!description) return std::unexpected(description.error());
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_error("pipe");
  const unique_fd told(pipe[0]);
  Started started;
  started.owner.reset(pipe[1]);
  std::vector<int> descriptors{description->get(), told.get()};
  descriptors.insert(descriptors.end(), start.descriptors.begin(), start.descriptors.end());
  std::vector<int> moved(descriptors.size());
  std::vector<std::string> words{program_invocation_name, std::string(flag), start.role,
                                 std::to_string(start.descriptors.size())};
  std::vector<char*> arguments;
  for (std::string& each : words) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  started.pid = ::fork();
  if (started.pid < 0) return system_error("fork");
  if (started.pid == 0) become(descriptors, moved, arguments.data(), start.own_group);
  if (start.own_group) ::setpgid(started.pid, started.pid);  // both sides, whoever comes first
  started.alive.reset(static_cast<int>(::syscall(SYS_pidfd_open, started.pid, 0)));
  if (!started.alive) {
    auto error = system_error("pidfd_open");
    ::kill(started.pid, SIGKILL);
    ::waitpid(started.pid, nullptr, 0);
    return error;
  }
  return started;
}

bool started_by_self(int argc, char** argv) { return argc > 1 && argv[1] == flag; }

Result<Given> take_given(int argc, char** argv) {
  Given given;
  std::size_t count = 0;
  if (argc == 4) {
    const std::string_view text = argv[3];
    given.role = argv[2];
    std::from_chars(text.data(), text.data() + text.size(), count);
  }
  const unique_fd description(description_fd);
  auto content = whole_file(description.get());
  if (!content) return std::unexpected(content.error());
  given.description = std::move(*content);
  given.owner.reset(owner_fd);
  ::fcntl(owner_fd, F_SETFD, FD_CLOEXEC);
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = first_fd + static_cast<int>(i);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    given.descriptors.emplace_back(fd);
  }
  return given;
}

void signal_at_end(int owner, int signal) {
  ::fcntl(owner, F_SETOWN, ::getpid());
  ::fcntl(owner, F_SETSIG, signal);
  ::fcntl(owner, F_SETFL, ::fcntl(owner, F_GETFL) | O_ASYNC);
  pollfd now{owner, POLLIN, 0};  // the end may have come before
  if (::poll(&now, 1, 0) > 0) ::kill(::getpid(), signal);
}

}  // namespace joinery::sdk
