// Memory for large arrays.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "shared/base/pages.h"

namespace joinery {
namespace {

TEST(Pages, BeginAsZerosAndMayBeWrittenToTheirEnd) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{8192}, (std::size_t{2} << 20U) + 1}) {
    Pages pages(size);
    for (std::size_t i = 0; i < size; i += 4096) ASSERT_EQ(pages.data()[i], 0) << i;
    std::memset(pages.data(), 'x', size);
    Pages moved(std::move(pages));
    EXPECT_EQ(moved.data()[size - 1], 'x');
    moved = Pages();
    EXPECT_FALSE(moved);
  }
}

TEST(Pages, AreNotThereInAForkedChild) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "under the thread sanitizer a child has them all the same";
#endif
  Pages pages(std::size_t{4} << 20U);
  std::memset(pages.data(), 'a', std::size_t{4} << 20U);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool there = ::msync(pages.data(), 1, MS_ASYNC) == 0 || errno != ENOMEM;
    ::_exit(there ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pages.data()[0], 'a');
}

std::size_t mapped_pages() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

TEST(Pages, LeaveNothingMappedWhateverTheirSize) {
  const auto once = [] { Pages pages((std::size_t{2} << 20U) + 1); };
  once();
  const std::size_t before = mapped_pages();
  for (int i = 0; i < 100; ++i) once();
  EXPECT_LT(mapped_pages(), before + 1000);
}

}  // namespace
}  // namespace joinery
