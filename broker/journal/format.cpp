#include "broker/journal/format.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace joinery::broker::journal {
namespace {

constexpr std::string_view meta_magic = "joinery journal\n";

struct MetaBytes {
  std::array<char, 16> magic;
  std::uint32_t version;
  std::uint32_t zero;
  std::uint64_t segment_bytes;
  JournalId id;
  std::uint32_t zero2;
  std::uint32_t crc;
};
static_assert(sizeof(MetaBytes) == meta_size);

}  // namespace

Buffer encode_meta(const Meta& meta) {
  MetaBytes bytes{};
  std::memcpy(bytes.magic.data(), meta_magic.data(), meta_magic.size());
  bytes.version = meta.version;
  bytes.segment_bytes = meta.segment_bytes;
  bytes.id = meta.id;
  Buffer out(sizeof bytes, '\0');
  std::memcpy(out.data(), &bytes, sizeof bytes);
  bytes.crc = crc32c(Bytes(out).substr(0, meta_size - 4));
  std::memcpy(out.data(), &bytes, sizeof bytes);
  return out;
}

Result<Meta> decode_meta(Bytes in) {
  MetaBytes bytes{};
  if (in.size() < 20 || !in.starts_with(meta_magic)) {
    return fail(Code::journal_corrupt, "meta: this is not the meta file of a journal");
  }
  std::memcpy(&bytes, in.data(), std::min(in.size(), sizeof bytes));
  const bool whole = in.size() == meta_size && bytes.crc == crc32c(in.substr(0, meta_size - 4));
  // The fields of a newer version are not known, so neither is where its checksum is.
  if (!whole && (bytes.version <= format_version || bytes.version > 1000)) {
    return fail(Code::journal_corrupt, "meta: the checksum is wrong");
  }
  if (bytes.version > format_version) {
    return fail(Code::unsupported_format,
                fmt::format("meta: the journal has format version {}; this program knows versions up to {}",
                            bytes.version, format_version));
  }
  if (bytes.segment_bytes < 4096 || !std::has_single_bit(bytes.segment_bytes)) {
    return fail(Code::journal_corrupt, "meta: the segment size is impossible");
  }
  return Meta{bytes.version, bytes.segment_bytes, bytes.id};
}

Format::Format(const Meta& meta)
    : id_(meta.id),
      shift_(static_cast<unsigned>(std::countr_zero(meta.segment_bytes))),
      seed_(crc32c(Bytes(meta.id.data(), meta.id.size()))) {}

std::uint32_t Format::crc(std::uint64_t at, Bytes bytes) const {
  std::array<char, 8> position{};
  std::memcpy(position.data(), &at, 8);
  return crc32c_extend(crc32c_extend(seed_, Bytes(position.data(), 8)), bytes);
}

void Format::finish_record(char* record, RecordHeader& header, Position at) const {
  const std::size_t whole = record_size(header.size);
  const std::size_t used = record_header_size + header.size;
  std::memset(record + used, 0, whole - used);
  std::memcpy(record, &header, record_header_size);
  header.crc = crc(at, Bytes(record + 4, whole - 4));
  std::memcpy(record, &header.crc, 4);
}

RecordHeader read_header(const char* bytes) {
  RecordHeader header;
  std::memcpy(&header, bytes, record_header_size);
  return header;
}

std::optional<RecordHeader> Format::parse_record(Bytes bytes, Position at) const {
  if (bytes.size() < record_header_size) return std::nullopt;
  const RecordHeader header = read_header(bytes.data());
  if (header.kind < RecordKind::changes || header.kind > RecordKind::open || header.zero != 0) return {};
  if (header.changes > header.size || header.durable > at) return std::nullopt;
  const std::size_t whole = record_size(header.size);
  if (whole > bytes.size()) return std::nullopt;
  if (header.crc != crc(at, bytes.substr(4, whole - 4))) return std::nullopt;
  return header;
}

std::string segment_name(std::uint64_t segment) { return fmt::format("segment-{:016x}", segment); }
std::string spare_name(std::uint64_t number) { return fmt::format("spare-{:016x}", number); }
std::string checkpoint_name(Position position) { return fmt::format("checkpoint-{:016x}", position); }

std::optional<std::uint64_t> number_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() != prefix.size() + 16) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace joinery::broker::journal
