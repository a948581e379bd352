// What running jobs last said of their progress. Kept in memory only, for so many jobs; the oldest is
// forgotten first.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shared/job/job.h"

namespace joinery::broker::server {

struct Progress {
  Token token;
  double fraction = 0;  // 0 to 1
  std::string text;
};

class ProgressBook {
 public:
  explicit ProgressBook(std::size_t most = 10'000) : most_(most) {}

  void note(Token token, double fraction, std::string_view text);
  // Null: this delivery said nothing, or it was forgotten.
  const Progress* find(Token token) const;

 private:
  static constexpr std::size_t text_max = 256;

  std::size_t most_;
  std::unordered_map<JobId, Progress> of_job_;
  std::deque<JobId> by_age_;
};

}  // namespace joinery::broker::server
