#include "broker/journal/log_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/journal/recovery.h"

namespace joinery::broker::journal {
namespace {

constexpr std::uint64_t block_size_max = std::uint64_t{256} << 10U;
constexpr std::size_t open_files_max = 64;

std::unexpected<Error> missing(const Format& format, Place place, std::string_view why) {
  return fail(Code::missing_payload, fmt::format("the payload of {} bytes in {}: {}", place.size,
                                                 place_name(format, place.position), why));
}

}  // namespace

Result<> SegmentCheck::advance(RecordStream& stream, const Format& format, Position to) {
  const Position segment_end = checked_ + format.left(checked_);
  while (checked_ < to) {
    const auto record = stream.next();
    if (!record) return std::unexpected(record.error());
    if (*record != nullptr) {
      const bool seal = (*record)->header.kind == RecordKind::seal;
      checked_ = seal ? segment_end : (*record)->end();
      continue;
    }
    // Damage, or less than a header at the end of the segment: go on at the next record that checks.
    const auto found = stream.seek(0);
    if (!found) return std::unexpected(found.error());
    const Position end = *found ? stream.position() : segment_end;
    damaged_.push_back({checked_, end});
    checked_ = end;
  }
  return {};
}

bool SegmentCheck::good(Position begin, Position end) const {
  return std::ranges::none_of(damaged_, [&](const Damage& d) { return begin < d.end && end > d.begin; });
}

Result<> LogReader::read(Place place, Position written, Buffer& out) {
  const Position end = place.position + place.size;
  if (end > written || place.size > format_.left(place.position)) {
    return missing(format_, place, "there is no such record");
  }
  const std::size_t before = out.size();
  auto done = [&]() -> Result<> {
    if (place.size >= block_size_max) return read_large(place, written, out);
    for (Position at = place.position; at < end;) {
      const auto held = block(at, written);
      if (!held) return std::unexpected(held.error());
      const Bytes bytes = Bytes((*held)->bytes).substr(at - (*held)->begin, end - at);
      out.append(bytes);
      at += bytes.size();
    }
    if (!damage_) return {};
    const auto segment = open(format_.segment_of(place.position));
    if (!segment) return std::unexpected(segment.error());
    return check(**segment, place, written);
  }();
  if (done) return {};
  out.resize(before);
  return missing(format_, place, done.error().message);
}

void LogReader::forget(std::uint64_t segment) {
  stream_.reset();
  segments_.erase(segment);
  for (Block& block : blocks_) {
    if (format_.segment_of(block.begin) == segment) block = {};
  }
}

Result<const LogReader::Block*> LogReader::block(Position at, Position written) {
  if (last_->holds(at)) return last_;
  const std::uint64_t size = std::min(block_size_max, format_.segment_bytes());
  const Position begin = at & ~(size - 1);
  auto same = std::ranges::find_if(blocks_, [&](const Block& b) { return b.begin == begin && b.used != 0; });
  if (same == blocks_.end()) same = std::ranges::min_element(blocks_, {}, &Block::used);
  last_ = &*same;
  last_->used = ++clock_;
  if (last_->holds(at)) return last_;

  last_->begin = begin;
  last_->bytes.clear();
  const auto segment = open(format_.segment_of(at));
  if (!segment) return std::unexpected(segment.error());
  const Position end = std::min(begin + size, written);
  if (auto done = advance(**segment, end, written); !done) return std::unexpected(done.error());
  damage_ = damage_ || !(*segment)->check.good(begin, end);
  Result<std::size_t> got;
  last_->bytes.resize_and_overwrite(end - begin, [&](char* to, std::size_t bytes) {
    got = (*segment)->file->read_at(to, bytes, format_.offset_of(begin));
    return got.value_or(0);
  });
  if (!got) return std::unexpected(got.error());
  if (!last_->holds(at)) return fail(Code::missing_payload, "the file is too short");
  return last_;
}

Result<> LogReader::read_large(Place place, Position written, Buffer& out) {
  const auto segment = open(format_.segment_of(place.position));
  if (!segment) return std::unexpected(segment.error());
  if (auto done = check(**segment, place, written); !done) return done;
  const std::size_t before = out.size();
  out.resize(before + place.size);
  const auto got =
      (*segment)->file->read_at(out.data() + before, place.size, format_.offset_of(place.position));
  if (!got) return std::unexpected(got.error());
  if (*got < place.size) return fail(Code::missing_payload, "the file is too short");
  return {};
}

// One stream goes through all of a segment, so that each byte is read once for this. Only of a segment that
// is written to its end, though: else what was read ahead is not what will be there.
Result<> LogReader::advance(Segment& segment, Position to, Position written) {
  const Position at = segment.check.position();
  if (at >= to) return {};
  const Position segment_end = at + format_.left(at);
  if (!stream_ || stream_->position() != at) stream_.emplace(*segment.file, format_, at);
  auto done = segment.check.advance(*stream_, format_, to);
  if (!done || written < segment_end || segment.check.position() == segment_end) stream_.reset();
  return done;
}

Result<> LogReader::check(Segment& segment, Place place, Position written) {
  if (auto done = advance(segment, place.position + place.size, written); !done) return done;
  if (segment.check.good(place.position, place.position + place.size)) return {};
  return fail(Code::missing_payload, "the record is damaged");
}

Result<LogReader::Segment*> LogReader::open(std::uint64_t number) {
  const auto [it, is_new] = segments_.try_emplace(number, format_.start_of(number));
  Segment& segment = it->second;
  segment.used = ++clock_;
  if (segment.file) return &segment;
  const auto open = [](const auto& entry) { return entry.second.file != nullptr; };
  if (std::ranges::count_if(segments_, open) >= static_cast<std::ptrdiff_t>(open_files_max)) {
    auto oldest = std::ranges::min_element(
        segments_, {}, [&](const auto& entry) { return open(entry) ? entry.second.used : UINT64_MAX; });
    stream_.reset();
    oldest->second.file.reset();
  }
  auto file = directory_.open(segment_name(number));
  if (!file) return std::unexpected(file.error());
  segment.file = std::move(*file);
  return &segment;
}

}  // namespace joinery::broker::journal
