// Reads payloads back from segment files. Jobs are mostly taken in the order they came, so a few blocks of
// the files are kept in memory: one read then serves many jobs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/journal/format.h"
#include "broker/journal/record_stream.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

// How much of a segment was checked since the start, and what did not check. Every byte is checked once, when
// something behind or in it is first read.
class SegmentCheck {
 public:
  explicit SegmentCheck(Position begin) : checked_(begin) {}
  // Checks the records from position() up to at least `to`, which is no later than the end of the segment.
  // `stream` stands at position().
  Result<> advance(RecordStream& stream, const Format& format, Position to);
  Position position() const { return checked_; }
  // Whether nothing damaged lies in the range.
  bool good(Position begin, Position end) const;

 private:
  struct Damage {
    Position begin, end;
  };
  Position checked_;
  std::vector<Damage> damaged_;
};

// Threads: the engine's.
class LogReader {
 public:
  LogReader(Directory& directory, const Format& format) : directory_(directory), format_(format) {}

  // Appends the payload to `out`. `written`: what is behind it is not in the files yet.
  Result<> read(Place place, Position written, Buffer& out);
  // The segment's file goes away.
  void forget(std::uint64_t segment);

 private:
  struct Segment {
    explicit Segment(Position begin) : check(begin) {}
    std::unique_ptr<File> file;
    SegmentCheck check;
    std::uint64_t used = 0;  // when, for closing the one that was not used for longest
  };
  struct Block {
    Position begin = 0;
    Buffer bytes;
    std::uint64_t used = 0;
    bool holds(Position at) const { return at >= begin && at < begin + bytes.size(); }
  };

  Result<Segment*> open(std::uint64_t number);
  // Sees to it that the records up to `to` are checked.
  Result<> advance(Segment& segment, Position to, Position written);
  // The same, and that nothing of the place is damaged.
  Result<> check(Segment& segment, Place place, Position written);
  // A block that holds the byte at `at`.
  Result<const Block*> block(Position at, Position written);
  Result<> read_large(Place place, Position written, Buffer& out);

  Directory& directory_;
  const Format& format_;
  std::map<std::uint64_t, Segment> segments_;
  std::optional<RecordStream> stream_;  // through the segment that is being checked, and its file
  std::array<Block, 32> blocks_;
  Block* last_ = blocks_.data();
  bool damage_ = false;  // somewhere: then each read is compared with it
  std::uint64_t clock_ = 0;
};

}  // namespace joinery::broker::journal
