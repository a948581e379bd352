// A bar on stderr: how far a batch or queue is, how fast, and how long it will still take. Draws nothing
// unless a person looks on.
#pragma once

#include <optional>
#include <string>

#include "producer/cli/output.h"
#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::cli {

struct Progress {
  std::uint64_t total = 0;      // jobs known so far
  bool total_is_final = false;  // false while items are still being read
  Counts counts;
};

// One line without its end, at most `columns` wide. `before` is what was finished when the bar began: those
// count neither for the rate nor for the rest of time.
std::string draw(const Progress& progress, std::uint64_t before, Duration elapsed, std::size_t columns);

class Bar {
 public:
  Bar(const Output& out, Mono began);
  ~Bar();  // clears the line
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  bool shown() const { return shown_; }
  void show(const Progress& progress, Mono now);
  // Takes the bar off the screen, for a line of text; the next show() brings it back.
  void clear();

 private:
  bool shown_;
  bool drawn_ = false;
  Mono began_;
  std::optional<std::uint64_t> before_;
};

}  // namespace joinery::cli
