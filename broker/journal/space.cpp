#include "broker/journal/space.h"

#include "shared/base/check.h"

namespace joinery::broker::journal {

Space::Space(const Format& format, const std::set<std::uint64_t>& segments, Position end)
    : format_(format), first_(segments.empty() ? format.segment_of(end) : *segments.begin()) {
  if (segments.empty()) return;
  segments_.resize(*segments.rbegin() - first_ + 1);
  for (const std::uint64_t segment : segments) segments_[segment - first_] = {.there = true, .moved = end};
}

Space::Segment* Space::find(Position position) {
  const std::uint64_t index = format_.segment_of(position) - first_;
  return index < segments_.size() && segments_[index].there ? &segments_[index] : nullptr;
}

void Space::add(Position position, std::uint64_t payloads, std::uint64_t bytes) {
  const std::uint64_t segment = format_.segment_of(position);
  JOINERY_CHECK(segment >= first_);
  if (segment - first_ >= segments_.size()) segments_.resize(segment - first_ + 1);
  segments_[segment - first_].there = true;
  segments_[segment - first_].live += bytes;
  if (bytes > 0) emptied_.erase(segment);
  payloads_ += payloads;
  live_ += bytes;
}

void Space::retain(Position position, std::uint64_t bytes) {
  if (find(position) != nullptr) add(position, 1, bytes);
}

void Space::remove(Position position, std::uint64_t bytes, Position log_end) {
  Segment* segment = find(position);
  if (segment == nullptr) return;
  JOINERY_CHECK(segment->live >= bytes && payloads_ > 0);
  segment->live -= bytes;
  if (segment->live == 0) emptied_[format_.segment_of(position)] = log_end;
  live_ -= bytes;
  --payloads_;
}

std::uint64_t Space::live_in(std::uint64_t segment) const {
  return segment < first_ || segment - first_ >= segments_.size() ? 0 : segments_[segment - first_].live;
}

std::vector<std::uint64_t> Space::empty_before(Position position) const {
  std::vector<std::uint64_t> found;
  const std::uint64_t end = format_.segment_of(position);
  for (std::uint64_t i = 0; i < segments_.size() && first_ + i < end; ++i) {
    if (segments_[i].there && segments_[i].live == 0) found.push_back(first_ + i);
  }
  return found;
}

std::vector<std::uint64_t> Space::emptied_before(Position position, Position durable) const {
  std::vector<std::uint64_t> found;
  const auto end = emptied_.lower_bound(format_.segment_of(position));
  for (auto each = emptied_.begin(); each != end; ++each) {
    if (each->second <= durable && segments_[each->first - first_].moved <= position)
      found.push_back(each->first);
  }
  return found;
}

void Space::has_moved(Position log_end) {
  for (Segment& segment : segments_) {
    if (segment.moved == everywhere) segment.moved = log_end;
  }
}

std::optional<std::uint64_t> Space::sparsest_before(Position position) const {
  std::optional<std::uint64_t> found;
  std::uint64_t least = format_.segment_bytes() / 2;
  const std::uint64_t end = format_.segment_of(position);
  for (std::uint64_t i = 0; i < segments_.size() && first_ + i < end; ++i) {
    if (!segments_[i].there || segments_[i].live == 0 || segments_[i].live >= least) continue;
    least = segments_[i].live;
    found = first_ + i;
  }
  return found;
}

// The front is cut off as it empties; the oldest live job keeps 16 bytes per segment behind it.
void Space::forget(std::uint64_t segment) {
  segments_[segment - first_] = {};
  emptied_.erase(segment);
  std::size_t gone = 0;
  while (gone < segments_.size() && !segments_[gone].there) ++gone;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(gone));
  first_ += gone;
}

}  // namespace joinery::broker::journal
