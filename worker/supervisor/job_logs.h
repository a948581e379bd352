// What running handlers say, for those who follow a job: the last lines of all of them, so that a follower
// sees what was said just before it came; and the lines that are to be sent to the broker, of the deliveries
// that it asked for. Both are bounded; what does not fit is counted.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "shared/protocol/messages.h"

namespace joinery::worker {

class JobLogs {
 public:
  static constexpr std::size_t kept_lines = 500;
  static constexpr std::size_t kept_bytes = 128U << 10U;
  static constexpr std::size_t followed_max = 256;
  static constexpr std::size_t pending_lines = 1000;  // of one delivery
  static constexpr std::size_t pending_bytes = 256U << 10U;

  void add(const Token& token, protocol::LogLine line);
  void follow(const protocol::Follow& follow);

  bool pending() const { return !pending_.empty(); }
  // What is to be sent; `sent` takes the first away.
  const protocol::Log& next() const { return pending_.front().log; }
  void sent() { pending_.pop_front(); }

 private:
  struct Said {
    Token token;
    protocol::LogLine line;
  };
  struct Pending {
    protocol::Log log;
    std::size_t bytes = 0;
  };
  void queue(const Token& token, protocol::LogLine line);

  std::deque<Said> kept_;
  std::size_t bytes_ = 0;
  std::deque<Token> followed_;  // those that have ended are pushed out by later ones
  std::deque<Pending> pending_;
};

}  // namespace joinery::worker
