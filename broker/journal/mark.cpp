#include "broker/journal/mark.h"

#include <fmt/format.h>

#include <cstring>

namespace joinery::broker::journal {
namespace {

constexpr std::string_view magic = "joinery mark   \n";

struct MarkBytes {
  std::array<char, 16> magic;
  std::uint32_t version;
  std::uint32_t zero;
  Position position;
  std::uint32_t zero2;
  std::uint32_t crc;
};
static_assert(sizeof(MarkBytes) == mark_size);
constexpr std::size_t crc_at = 36;

}  // namespace

Buffer encode_mark(const Format& format, Position position) {
  MarkBytes mark{};
  std::memcpy(mark.magic.data(), magic.data(), magic.size());
  mark.version = format_version;
  mark.position = position;
  Buffer bytes(sizeof mark, '\0');
  std::memcpy(bytes.data(), &mark, sizeof mark);
  mark.crc = format.crc(0, Bytes(bytes).substr(0, crc_at));
  std::memcpy(bytes.data(), &mark, sizeof mark);
  return bytes;
}

Result<std::optional<Position>> read_mark(Directory& directory, const Format& format, bool there) {
  if (!there) return std::nullopt;
  const auto bytes = read_whole(directory, mark_name);
  if (!bytes) return std::unexpected(bytes.error());
  MarkBytes mark{};
  std::memcpy(&mark, bytes->data(), std::min(bytes->size(), sizeof mark));
  if (bytes->size() != sizeof mark || !bytes->starts_with(magic) ||
      mark.crc != format.crc(0, Bytes(*bytes).substr(0, crc_at))) {
    return fail(Code::journal_corrupt, "mark at offset 0: the checksum is wrong");
  }
  if (mark.version > format_version)
    return fail(Code::unsupported_format, fmt::format("mark has format version {}", mark.version));
  return mark.position;
}

Result<> write_mark(Directory& directory, const Format& format, Position position) {
  return replace_whole(directory, mark_name, encode_mark(format, position));
}

}  // namespace joinery::broker::journal
