#include "shared/base/read_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "shared/base/unique_fd.h"

namespace joinery {

Result<std::string> read_file(const std::string& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(Code::io_error, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  return read_descriptor(file.get(), path);
}

Result<std::string> read_descriptor(int fd, const std::string& name) {
  std::string bytes;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got == 0) return bytes;
    if (got > 0) {
      bytes.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      return fail(Code::io_error, fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    }
  }
}

}  // namespace joinery
