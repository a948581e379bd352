#include "producer/cli/pid_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace joinery::cli {
namespace {

std::string path_of(const std::string& data_dir) { return data_dir + "/up.pid"; }

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<PidFile> PidFile::take(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  const std::string path = path_of(data_dir);
  unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return fail(Code::io_error, fmt::format("{}: {}", path, std::strerror(errno)));
  struct flock lock = whole_file();
  if (::fcntl(fd.get(), F_SETLK, &lock) != 0)
    return fail(Code::journal_locked,
                fmt::format("another `joinery up` uses {}; `joinery down` stops it", data_dir));
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || ::write(fd.get(), text.data(), text.size()) < 0)
    return fail(Code::io_error, fmt::format("{}: {}", path, std::strerror(errno)));
  return PidFile(std::move(fd));
}

Result<pid_t> PidFile::holder(const std::string& data_dir) {
  const unique_fd fd(::open(path_of(data_dir).c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock = whole_file();
  // The kernel tells who holds the lock, whatever the file says.
  if (!fd || ::fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
    return fail(Code::unknown_worker,
                fmt::format("no `joinery up` runs with the data directory {}", data_dir));
  return lock.l_pid;
}

}  // namespace joinery::cli
