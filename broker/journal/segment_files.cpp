#include "broker/journal/segment_files.h"

#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {
// With the segment that is written, these are the two that the disk may hold beyond twice the live bytes.
constexpr std::size_t spares_max = 1;
}  // namespace

Result<> SegmentFiles::write(Bytes bytes, Position at) {
  const std::uint64_t segment = format_.segment_of(at);
  JOINERY_CHECK(bytes.size() <= format_.left(at));
  if (!file_ || segment != current_) {
    if (file_) before_.push_back(std::move(file_));
    if (auto done = open(segment); !done) return done;
  }
  return file_->write_at(bytes, format_.offset_of(at));
}

Result<> SegmentFiles::open(std::uint64_t segment) {
  const std::string name = segment_name(segment);
  if (!segments_.contains(segment)) {
    // No file has the name of a segment before its size is synced: one that is shorter was cut off.
    if (auto done = prepare(); !done) return done;
    const std::uint64_t spare = *spares_.begin();
    if (auto done = directory_.rename(spare_name(spare), name); !done) return done;
    spares_.erase(spare);
    names_changed_ = true;
    segments_.insert(segment);
  }
  auto file = directory_.open(name);
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  current_ = segment;
  return {};
}

Result<> SegmentFiles::make(const std::string& name) {
  names_changed_ = true;
  auto file = directory_.create(name);
  if (!file) return std::unexpected(file.error());
  auto done = (*file)->allocate(format_.segment_bytes());
  // The length must survive, too; later syncs are of bytes only.
  if (done) done = (*file)->sync();
  if (done) return done;
  // Half a segment is of no use. That it cannot be removed either adds nothing to the first reason.
  static_cast<void>(directory_.remove(name));
  return done;
}

Result<> SegmentFiles::sync() {
  if (names_changed_) {
    if (auto done = directory_.sync(); !done) return done;
    names_changed_ = false;
  }
  for (const auto& file : before_) {
    if (auto done = file->sync(); !done) return done;
  }
  before_.clear();
  return file_ ? file_->sync() : Result<>{};
}

Result<> SegmentFiles::prepare() {
  if (!spares_.empty()) return {};
  const std::uint64_t spare = next_spare_++;
  if (auto done = make(spare_name(spare)); !done) return done;
  spares_.insert(spare);
  blank_ = spare;
  return {};
}

// One that was written takes the place of one that was only allocated: syncs of it have no metadata to write,
// its pages are in memory, and the other costs little to remove, while nothing is synced.
Result<> SegmentFiles::recycle(std::span<const std::uint64_t> segments) {
  for (const std::uint64_t segment : segments) {
    const std::string name = segment_name(segment);
    if (blank_ && spares_.contains(*blank_)) {
      if (auto done = directory_.remove(spare_name(*blank_)); !done) return done;
      spares_.erase(*blank_);
    }
    blank_.reset();
    if (spares_.size() < spares_max) {
      const std::uint64_t spare = next_spare_++;
      if (auto done = directory_.rename(name, spare_name(spare)); !done) return done;
      spares_.insert(spare);
    } else {
      if (auto done = directory_.remove(name); !done) return done;
    }
    segments_.erase(segment);
    names_changed_ = true;
  }
  return {};
}

Position SegmentFiles::allocated_end() const {
  const std::uint64_t used = segments_.empty() ? 0 : *segments_.rbegin() + 1;
  return format_.start_of(used + spares_.size());
}

}  // namespace joinery::broker::journal
