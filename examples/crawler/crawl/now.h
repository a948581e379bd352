// The wall clock, in Unix milliseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace crawler {

inline std::int64_t now_unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace crawler
