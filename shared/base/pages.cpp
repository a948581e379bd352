#include "shared/base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#include "shared/base/check.h"

namespace joinery {
namespace {

constexpr std::size_t huge = std::size_t{2} << 20U;

// Whole pages: what is given back must begin at one.
std::size_t whole(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

void unmap(void* at, std::size_t bytes) {
  if (bytes != 0) JOINERY_CHECK(::munmap(at, bytes) == 0);
}

char* map(std::size_t bytes) {
  void* mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(mapped);
}

// Huge pages begin at multiples of their size: what is mapped too much before and behind goes back.
char* map_huge(std::size_t bytes) {
  char* const mapped = map(bytes + huge);
  const std::size_t before = (huge - reinterpret_cast<std::uintptr_t>(mapped) % huge) % huge;
  unmap(mapped, before);
  unmap(mapped + before + bytes, huge - before);
  ::madvise(mapped + before, bytes, MADV_HUGEPAGE);
  return mapped + before;
}

}  // namespace

Pages::Pages(std::size_t bytes)
    : data_(bytes < huge ? map(whole(bytes)) : map_huge(whole(bytes))), bytes_(whole(bytes)) {
  ::madvise(data_, bytes_, MADV_DONTFORK);
}

Pages::~Pages() {
  if (data_ != nullptr) unmap(data_, bytes_);
}

}  // namespace joinery
