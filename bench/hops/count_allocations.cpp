// Preloaded into every program of a run: counts the allocations of each process in a file of its own,
// JOINERY_ALLOCATIONS/ROLE-PID, which is mapped, so that it is right however the process ends.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

using Counter = std::atomic<std::uint64_t>;
Counter before_main;
Counter* counter = &before_main;

// Of joinery-worker a supervisor and its pool processes; of the others the program's name.
const char* role() {
  static char line[4096];
  const int file = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  const ssize_t size = ::read(file, line, sizeof line - 1);
  ::close(file);
  const std::size_t name = std::strlen(line) + 1;
  if (size > 0 && name < static_cast<std::size_t>(size) && std::strcmp(line + name, "--pool-process") == 0)
    return "pool";
  return program_invocation_short_name;
}

__attribute__((constructor)) void map_counter() {
  const char* dir = std::getenv("JOINERY_ALLOCATIONS");
  if (dir == nullptr) return;
  char path[4096];
  std::snprintf(path, sizeof path, "%s/%s-%d", dir, role(), ::getpid());
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Counter)) != 0) return;
  void* mapped = ::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped != MAP_FAILED) counter = static_cast<Counter*>(mapped);
}

void count() { counter->fetch_add(1, std::memory_order_relaxed); }

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* old, std::size_t size) {
  count();
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

}  // extern "C"
