// Memory for large arrays that are touched here and there. It begins as zeros; where the system has huge
// pages and it is large enough, it is made of them, so that finding a place costs no walk through page
// tables; and forked children do not have it, so that nothing of it is copied when it is written after a
// fork.
#pragma once

#include <cstddef>
#include <utility>

namespace joinery {

class Pages {
 public:
  Pages() = default;
  // Throws std::bad_alloc.
  explicit Pages(std::size_t bytes);
  Pages(Pages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages();

  char* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace joinery
