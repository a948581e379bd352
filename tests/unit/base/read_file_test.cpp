#include "shared/base/read_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace joinery {
namespace {

TEST(ReadFile, gives_all_bytes) {
  const std::string path = ::testing::TempDir() + "read_file_" + std::to_string(::getpid());
  const std::string bytes = std::string("zero: \0, long: ", 15) + std::string(200'000, 'x');
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(read_file(path).value(), bytes);
  ::unlink(path.c_str());
}

TEST(ReadFile, says_why_it_cannot) {
  EXPECT_EQ(read_file("/").error().message, "/: cannot be read: Is a directory");
  EXPECT_EQ(read_file("/nowhere").error().message, "/nowhere: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace joinery
