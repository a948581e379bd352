// Which segments hold how many live payload bytes: what may go, and what is worth emptying.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "broker/journal/format.h"

namespace joinery::broker::journal {

// Counts per segment, in constant time per payload. Threads: the engine's.
class Space {
 public:
  Space(const Format& format, const std::set<std::uint64_t>& segments, Position end);

  // Appended at this position: so many payloads, of so many bytes in all.
  void add(Position at, std::uint64_t payloads, std::uint64_t bytes);
  // A payload of before the start is live. One in a segment that is not there is not counted; reading it says
  // so.
  void retain(Position at, std::uint64_t bytes);
  // Not live any more, as the log says that ends at `log_end`.
  void remove(Position at, std::uint64_t bytes, Position log_end);

  std::uint64_t live_payloads() const { return payloads_; }
  std::uint64_t live_bytes() const { return live_; }
  std::uint64_t live_in(std::uint64_t segment) const;
  // Segments that end before the position and hold nothing live.
  std::vector<std::uint64_t> empty_before(Position position) const;
  // Those of them whose last payload was removed in this life, by a log that ended at `durable` or before,
  // and of which the log has no moves behind the position.
  std::vector<std::uint64_t> emptied_before(Position position, Position durable) const;
  // The segment before the position with the least live bytes, if that is less than half of it and not zero.
  std::optional<std::uint64_t> sparsest_before(Position position) const;
  // From here on the log may have moves of the segment.
  void moves(std::uint64_t segment) { segments_[segment - first_].moved = everywhere; }
  // All moves that were begun are in the log, which ends here.
  void has_moved(Position log_end);
  void forget(std::uint64_t segment);

 private:
  static constexpr Position everywhere = ~Position{0};
  struct Segment {
    std::uint64_t live = 0;
    bool there = false;
    Position moved = 0;  // up to where the log may have moves of it; of those of an earlier life: its end
  };
  // Null if it is not there.
  Segment* find(Position position);

  const Format& format_;
  std::vector<Segment> segments_;              // from first_
  std::map<std::uint64_t, Position> emptied_;  // segments, and where the log ended then
  std::uint64_t first_ = 0;
  std::uint64_t payloads_ = 0;
  std::uint64_t live_ = 0;
};

}  // namespace joinery::broker::journal
