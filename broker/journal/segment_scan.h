// Walks over an old segment and names the payloads in it, so that those that are still needed can be moved.
#pragma once

#include <memory>
#include <vector>

#include "broker/journal/change_codec.h"
#include "broker/journal/journal.h"
#include "broker/journal/record_stream.h"

namespace joinery::broker::journal {

class SegmentScan {
 public:
  SegmentScan(std::unique_ptr<File> file, const Format& format, std::uint64_t segment)
      : file_(std::move(file)), segment_(segment), stream_(*file_, format, format.start_of(segment)) {}

  std::uint64_t segment() const { return segment_; }
  // The next payloads, at most `most`; looks at a few MiB only, so none does not mean the end.
  std::vector<Journal::Candidate> next(std::size_t most);
  // Whether the whole segment was seen (or can't be read).
  bool finished() const { return finished_ && at_ == found_.size(); }

 private:
  void read_record();

  std::unique_ptr<File> file_;
  std::uint64_t segment_;
  RecordStream stream_;
  ChangeDecoder decoder_{{}};
  std::vector<Journal::Candidate> found_;  // in the last record
  std::size_t at_ = 0;
  bool finished_ = false;
};

}  // namespace joinery::broker::journal
