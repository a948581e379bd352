#include "tests/support/memory_group.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace joinery::testing {
namespace {

bool write(const std::string& path, std::uint64_t number) {
  std::ofstream file(path);
  return static_cast<bool>(file << number << std::flush);
}

}  // namespace

MemoryGroup::MemoryGroup(std::uint64_t bytes) {
  const std::string root = "/sys/fs/cgroup";
  made_ = std::filesystem::exists(root + "/cgroup.controllers")
              ? make(root, "/memory.max", "/memory.swap.max", bytes)
              : make(root + "/memory", "/memory.limit_in_bytes", "/memory.memsw.limit_in_bytes", bytes);
}

MemoryGroup::~MemoryGroup() { ::rmdir(path_.c_str()); }

bool MemoryGroup::make(const std::string& parent, const char* limit, const char* swap, std::uint64_t bytes) {
  path_ = parent + "/joinery-test-" + std::to_string(::getpid());
  const bool limited = ::mkdir(path_.c_str(), 0755) == 0 && write(path_ + limit, bytes);
  if (!limited) why_not_ = path_ + ": " + std::strerror(errno);
  // So that it is killed instead of being slow. In version 1 the sum of both is limited.
  write(path_ + swap, std::string(swap) == "/memory.swap.max" ? 0 : bytes);
  return limited;
}

bool MemoryGroup::take(pid_t process) const {
  return write(path_ + "/cgroup.procs", static_cast<std::uint64_t>(process));
}

}  // namespace joinery::testing
