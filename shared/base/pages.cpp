#include "shared/base/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace joinery {
namespace {

constexpr std::size_t huge = std::size_t{2} << 20U;

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
  if (before != 0) ::munmap(mapped, before);
  if (before != huge) ::munmap(mapped + before + bytes, huge - before);
  ::madvise(mapped + before, bytes, MADV_HUGEPAGE);
  return mapped + before;
}

}  // namespace

Pages::Pages(std::size_t bytes) : data_(bytes < huge ? map(bytes) : map_huge(bytes)), bytes_(bytes) {
  ::madvise(data_, bytes, MADV_DONTFORK);
}

Pages::~Pages() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace joinery
