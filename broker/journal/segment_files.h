// The segment files as the sync thread writes them: opened in turn, allocated ahead, used again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "broker/journal/format.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

class SegmentFiles {
 public:
  SegmentFiles(Directory& directory, const Format& format, std::set<std::uint64_t> segments,
               std::set<std::uint64_t> spares)
      : directory_(directory),
        format_(format),
        segments_(std::move(segments)),
        spares_(std::move(spares)),
        next_spare_(spares_.empty() ? 0 : *spares_.rbegin() + 1) {}

  // Writes bytes that lie within one segment.
  Result<> write(Bytes bytes, Position at);
  // What was written survives a crash: names first, then bytes.
  Result<> sync();
  // Allocates the segment after the current one, if there is no spare. Failing is no harm yet.
  Result<> prepare();
  // These hold nothing that is needed any more.
  Result<> recycle(std::span<const std::uint64_t> segments);

  std::size_t files() const { return segments_.size() + spares_.size(); }
  // The log can grow up to here in files that are allocated.
  Position allocated_end() const;

 private:
  Result<> open(std::uint64_t segment);
  Result<> make(const std::string& name);

  Directory& directory_;
  const Format& format_;
  std::set<std::uint64_t> segments_, spares_;
  std::uint64_t next_spare_;
  std::optional<std::uint64_t> blank_;  // the spare that was made last, if it was never written
  std::uint64_t current_ = 0;
  std::unique_ptr<File> file_;                 // of the current segment
  std::vector<std::unique_ptr<File>> before_;  // written and not synced yet
  bool names_changed_ = false;
};

}  // namespace joinery::broker::journal
