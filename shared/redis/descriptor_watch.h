// An epoll's interest in the descriptor of a connection that makes and closes it by itself, so that a new one
// may have the number of the last.
#pragma once

#include <cstdint>

namespace joinery::redis {

class DescriptorWatch {
 public:
  // `descriptor`: -1 if there is none now. `opened`: see Pipeline. `data`: of its events.
  void update(int poll, std::uint64_t data, int descriptor, std::uint64_t opened, bool writes);

 private:
  int descriptor_ = -1;
  std::uint64_t opened_ = 0;
  bool writes_ = false;
};

}  // namespace joinery::redis
