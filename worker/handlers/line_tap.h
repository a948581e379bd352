// The lines that a command writes, told as log lines of its job while it runs. So many bytes a second at
// most; what is over is left out, and said.
#pragma once

#include <string>

#include "shared/base/bytes.h"
#include "shared/base/time.h"
#include "worker/handlers/registry.h"

namespace joinery::handlers {

class LineTap {
 public:
  static constexpr std::size_t bytes_per_second = 64U << 10U;
  static constexpr std::size_t line_max = 4096;

  // `level`: "stdout" or "stderr".
  LineTap(JobContext& job, const char* level) : job_(job), level_(level) {}
  void add(Mono now, Bytes chunk);
  // What is left has no newline.
  void end();

 private:
  void line(Bytes text);
  void say_skipped();

  JobContext& job_;
  const char* level_;
  std::string open_;  // a line that is not complete
  Mono second_{};     // begin of the second that is counted
  std::size_t told_ = 0;
  std::size_t skipped_ = 0;  // lines
};

}  // namespace joinery::handlers
