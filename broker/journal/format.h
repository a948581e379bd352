// The bytes of the journal: headers, names and checksums, as docs/journal.md has them.
//
// If you change this: docs/journal.md first, then format_version, and a fixture of the old format in
// tests/unit/journal/fixtures.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/journal/crc32c.h"
#include "broker/journal/journal.h"
#include "shared/base/bytes.h"

namespace joinery::broker::journal {

static_assert(std::endian::native == std::endian::little, "headers are copied to disk as they lie in memory");

constexpr std::uint32_t format_version = 1;

using JournalId = std::array<char, 16>;

// What never changes in a data directory.
struct Meta {
  std::uint32_t version = format_version;
  std::uint64_t segment_bytes = 0;
  JournalId id{};
};
constexpr std::size_t meta_size = 56;
Buffer encode_meta(const Meta& meta);
Result<Meta> decode_meta(Bytes bytes);

enum class RecordKind : std::uint32_t { changes = 1, seal = 2, close = 3, open = 4 };

struct RecordHeader {
  std::uint32_t crc = 0;
  std::uint32_t size = 0;
  std::uint32_t changes = 0;
  std::uint32_t previous = 0;
  std::uint64_t sequence = 0;
  std::uint64_t durable = 0;
  RecordKind kind = RecordKind::changes;
  std::uint32_t zero = 0;
};
constexpr std::size_t record_header_size = 40;
static_assert(sizeof(RecordHeader) == record_header_size);

// Bytes that a record of so many bytes of changes and payloads takes in the log.
constexpr std::size_t record_size(std::size_t size) {
  return (record_header_size + size + 7) & ~std::size_t{7};
}

// Geometry and checksums of one journal.
class Format {
 public:
  explicit Format(const Meta& meta);

  const JournalId& id() const { return id_; }
  std::uint64_t segment_bytes() const { return std::uint64_t{1} << shift_; }
  std::uint64_t segment_of(Position at) const { return at >> shift_; }
  std::uint64_t offset_of(Position at) const { return at & (segment_bytes() - 1); }
  Position start_of(std::uint64_t segment) const { return segment << shift_; }
  // Bytes from `at` to the end of its segment.
  std::uint64_t left(Position at) const { return segment_bytes() - offset_of(at); }

  // Checksum of something that lies at `at`.
  std::uint32_t crc(std::uint64_t at, Bytes bytes) const;
  // Writes the header of the record whose bytes behind the header are already at `record` + header size.
  void finish_record(char* record, RecordHeader& header, Position at) const;
  // The header of a whole record at `at`, if `bytes` (which begin there, and end no later than the segment)
  // hold one with a good checksum.
  std::optional<RecordHeader> parse_record(Bytes bytes, Position at) const;

 private:
  JournalId id_;
  unsigned shift_;
  std::uint32_t seed_;
};

RecordHeader read_header(const char* bytes);

std::string segment_name(std::uint64_t segment);
std::string spare_name(std::uint64_t number);
std::string checkpoint_name(Position position);
// The number of a file name with this prefix ("segment-"); none if it is another file.
std::optional<std::uint64_t> number_in(std::string_view name, std::string_view prefix);

}  // namespace joinery::broker::journal
