// Jobs that somebody follows: what their handlers say, as long as somebody asks for it. Followers fetch lines
// when they like; a slow one misses lines (and is told how many), and costs nobody anything. Bounded in jobs
// and lines; kept in memory only. Workers are asked for the lines of a delivery only while it is followed.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "broker/server/sessions.h"
#include "shared/protocol/messages.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

struct FollowedLine {
  std::uint64_t number = 0;  // given by the book: grows, and passes over each line that was lost
  std::int64_t at_ms = 0;
  std::uint32_t attempt = 0;
  enum class What : std::uint8_t { started, progress, log, ended } what = What::log;
  double fraction = 0;  // progress
  std::string level;    // log
  std::string text;     // started: the worker
};

class FollowBook {
 public:
  static constexpr Duration kept{15'000'000};  // after the last question
  static constexpr std::size_t jobs_max = 256;
  static constexpr std::size_t lines_max = 1000;
  static constexpr std::size_t bytes_max = 256U << 10U;  // of a job

  explicit FollowBook(Sessions& sessions) : sessions_(sessions) {}

  bool empty() const { return jobs_.empty(); }
  bool wants(JobId job) const { return !jobs_.empty() && jobs_.contains(job); }
  // Somebody asks; `worker`, if it is not 0, runs this delivery.
  void ask(Mono now, Token token, SessionId worker);
  // A delivery goes out to a worker.
  void started(Session& worker, Token token, FollowedLine line);
  void add(JobId job, FollowedLine line);
  void add(Session& worker, const protocol::Log& log);
  // Lines after number `after`, and how many after it are missing: {lines: [...], next, more, lost}.
  protocol::Value lines(JobId job, std::uint64_t after) const;
  // Forgets jobs that nobody asked for lately.
  void sweep(Mono now);

 private:
  struct Followed {
    Mono asked_at{};
    std::uint64_t told = 0;  // fence of the delivery whose worker was told
    std::uint64_t last = 0;  // number of the last line, or one that was lost
    std::size_t bytes = 0;
    std::deque<FollowedLine> lines;
  };
  void tell(Session& worker, Token token, bool on);

  Sessions& sessions_;
  std::unordered_map<JobId, Followed> jobs_;
  Buffer frame_;
};

}  // namespace joinery::broker::server
