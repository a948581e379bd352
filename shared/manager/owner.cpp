#include "shared/manager/owner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace joinery::manager_detail {
namespace {

std::string read_text(const std::string& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t size = file ? ::read(file.get(), text, sizeof text) : 0;
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

// Field 22 of /proc/PID/stat; the second, the name in parentheses, may hold anything. 0: it cannot be read.
std::uint64_t start_time(pid_t pid) {
  const std::string text = read_text(fmt::format("/proc/{}/stat", pid));
  std::size_t at = text.rfind(')');
  if (at == std::string::npos) return 0;
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  std::uint64_t start = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), start);
  return start;
}

std::string find_where() {
  char pids[64] = {};
  if (::readlink("/proc/self/ns/pid", pids, sizeof pids - 1) < 0) pids[0] = 0;
  const std::string_view inode(pids);  // "pid:[4026531836]"
  const auto from = inode.find('[');
  return read_text("/proc/sys/kernel/random/boot_id").substr(0, 8) + "-" +
         std::string(from == std::string_view::npos ? inode
                                                    : inode.substr(from + 1, inode.size() - from - 2));
}

const std::string& where() {
  static const std::string found = find_where();
  return found;
}

template <typename T>
bool parse(std::string_view text, T& value) {
  const auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, value).ptr == end && !text.empty();
}

}  // namespace

std::string process_owner() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("process:{}:{}:{}:{}", host, ::getpid(), start_time(::getpid()), where());
}

std::string job_owner(std::uint64_t job, std::uint64_t fence) { return fmt::format("job:{}:{}", job, fence); }

std::optional<Neighbour> neighbour(std::string_view owner) {
  std::vector<std::string_view> parts;
  while (!owner.empty()) {
    const auto end = owner.find(':');
    parts.push_back(owner.substr(0, end));
    owner.remove_prefix(end == std::string_view::npos ? owner.size() : end + 1);
  }
  Neighbour found;
  if (parts.size() != 5 || parts[0] != "process" || parts[4] != where()) return std::nullopt;
  if (!parse(parts[2], found.pid) || !parse(parts[3], found.start)) return std::nullopt;
  return found;
}

std::optional<unique_fd> watch(const Neighbour& process) {
  unique_fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd) return errno == ESRCH ? std::optional(unique_fd()) : std::nullopt;
  // Looked at after the descriptor is there: now the number cannot change its meaning.
  const std::uint64_t start = start_time(process.pid);
  if (start == 0) return std::nullopt;
  if (start != process.start) return unique_fd();
  return fd;
}

bool has_ended(std::string_view owner) {
  const auto process = neighbour(owner);
  if (!process) return false;
  const auto watched = watch(*process);
  if (!watched) return false;
  pollfd end{watched->get(), POLLIN, 0};
  return !*watched || ::poll(&end, 1, 0) > 0;
}

}  // namespace joinery::manager_detail
