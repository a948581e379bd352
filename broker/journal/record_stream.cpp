#include "broker/journal/record_stream.h"

#include <algorithm>

namespace joinery::broker::journal {
namespace {
constexpr std::uint64_t read_ahead = std::uint64_t{1} << 20U;
}

Result<Bytes> RecordStream::load(std::uint64_t size) {
  if (at_ < window_at_ || at_ + size > window_at_ + window_.size()) {
    const std::uint64_t want = std::min(format_.left(at_), std::max(size, read_ahead));
    window_.resize(want);
    const auto got = file_.read_at(window_.data(), want, format_.offset_of(at_));
    window_at_ = at_;
    if (!got) {
      window_.clear();
      return std::unexpected(got.error());
    }
    std::fill(window_.begin() + static_cast<std::ptrdiff_t>(*got), window_.end(), '\0');
  }
  return Bytes(window_).substr(at_ - window_at_);
}

Result<const Record*> RecordStream::next() {
  if (format_.left(at_) < record_header_size) return nullptr;
  auto bytes = load(record_header_size);
  if (!bytes) return std::unexpected(bytes.error());
  const std::uint64_t size = record_size(read_header(bytes->data()).size);
  if (size > format_.left(at_)) return nullptr;
  bytes = load(size);
  if (!bytes) return std::unexpected(bytes.error());
  const auto header = format_.parse_record(*bytes, at_);
  if (!header) return nullptr;
  const Bytes body = bytes->substr(record_header_size, header->size);
  record_ = {at_, *header, body.substr(0, header->changes), body.substr(header->changes)};
  at_ += size;
  return &record_;
}

Result<bool> RecordStream::seek(Position durable_least) {
  const Position segment_end = at_ + format_.left(at_);
  for (; at_ + record_header_size <= segment_end; at_ += 8) {
    auto bytes = load(record_header_size);
    if (!bytes) return std::unexpected(bytes.error());
    const RecordHeader header = read_header(bytes->data());
    if (header.durable < durable_least || header.durable > at_ || header.zero != 0) continue;
    const std::uint64_t size = record_size(header.size);
    if (size > format_.left(at_)) continue;
    bytes = load(size);
    if (!bytes) return std::unexpected(bytes.error());
    if (format_.parse_record(*bytes, at_)) return true;
  }
  return false;
}

}  // namespace joinery::broker::journal
