// Preloaded into a broker by tests: kills it (SIGKILL) at one system call on one file. The product knows
// nothing of it.
//
//   JOINERY_FAULT_CALL  pwrite, fdatasync, fsync, rename or unlink
//   JOINERY_FAULT_FILE  part of the file's name (rename: of "FROM TO")
//   JOINERY_FAULT_NTH   which of the calls that match, from 1
//   JOINERY_FAULT_WHEN  before or after the call
//   JOINERY_FAULT_ARM   calls count from when this file exists
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string setting(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_this(std::string_view call, std::string_view file) {
  static const std::string wanted = setting("JOINERY_FAULT_CALL"), part = setting("JOINERY_FAULT_FILE"),
                           arm = setting("JOINERY_FAULT_ARM");
  static const int nth = std::atoi(setting("JOINERY_FAULT_NTH").c_str());
  static std::atomic<int> seen = 0;
  if (call != wanted || file.find(part) == std::string_view::npos) return false;
  if (!arm.empty() && ::access(arm.c_str(), F_OK) != 0) return false;
  return ++seen == nth;
}

template <typename Call>
auto around(std::string_view name, std::string_view file, Call call) {
  static const bool before = setting("JOINERY_FAULT_WHEN") == "before";
  const bool die = is_this(name, file);
  if (die && before) ::kill(::getpid(), SIGKILL);
  const auto result = call();
  if (die) ::kill(::getpid(), SIGKILL);
  return result;
}

std::string name_of(int fd) {
  char path[4096];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(size < 0 ? 0 : size)};
}

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t offset) {
  static const auto call = real<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  return around("pwrite", name_of(fd), [&] { return call(fd, bytes, size, offset); });
}

ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

int fdatasync(int fd) {
  static const auto call = real<int (*)(int)>("fdatasync");
  return around("fdatasync", name_of(fd), [&] { return call(fd); });
}

int fsync(int fd) {
  static const auto call = real<int (*)(int)>("fsync");
  return around("fsync", name_of(fd), [&] { return call(fd); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto call = real<int (*)(const char*, const char*)>("rename");
  return around("rename", std::string(from) + " " + to, [&] { return call(from, to); });
}

int unlink(const char* path) noexcept {
  static const auto call = real<int (*)(const char*)>("unlink");
  return around("unlink", path, [&] { return call(path); });
}

}  // extern "C"
