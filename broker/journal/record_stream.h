// Reads the records of one segment in order, each checked. Whether they follow each other rightly (sequence,
// previous) is the caller's question.
#pragma once

#include <cstdint>
#include <functional>

#include "broker/journal/format.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

struct Record {
  Position at = 0;
  RecordHeader header;
  Bytes changes;   // encoded
  Bytes payloads;  // back to back

  Position end() const { return at + record_size(header.size); }
  Position payloads_at() const { return at + record_header_size + header.changes; }
};

class RecordStream {
 public:
  // Begins at `at`, in the segment that `file` is.
  RecordStream(File& file, const Format& format, Position at) : file_(file), format_(format), at_(at) {}

  // The next record, valid until the next call; null if none stands here (or the segment ends).
  Result<const Record*> next();
  // Moves on to the next position of the segment at which a record stands whose `durable` is at least this;
  // false if there is none.
  Result<bool> seek(Position durable_least);
  // Where the next record would begin.
  Position position() const { return at_; }

 private:
  // The bytes from position(): at least `size`, unless the segment ends before. Behind the end of the file
  // there are zeros, as there will be once it has its whole size: what is read does not depend on that.
  Result<Bytes> load(std::uint64_t size);

  File& file_;
  const Format& format_;
  Position at_;
  Buffer window_;
  Position window_at_ = 0;
  Record record_;
};

}  // namespace joinery::broker::journal
