// A control group of the kernel with little memory: whoever takes more of it is killed, as when a host has
// none left. Not everybody may make one.
//
//   MemoryGroup group(64U << 20U);
//   if (!group.made()) GTEST_SKIP() << group.why_not();
//   ASSERT_TRUE(group.take(process));
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace joinery::testing {

class MemoryGroup {
 public:
  explicit MemoryGroup(std::uint64_t bytes);
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  bool made() const { return made_; }
  const std::string& why_not() const { return why_not_; }
  // What it has taken until now is not counted.
  bool take(pid_t process) const;

 private:
  bool make(const std::string& parent, const char* limit, const char* swap, std::uint64_t bytes);

  std::string path_;
  bool made_ = false;
  std::string why_not_;
};

}  // namespace joinery::testing
