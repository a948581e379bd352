#include "shared/protocol/reader.h"

#include <fmt/format.h>

#include <bit>

namespace joinery::protocol {
namespace {

std::uint64_t big_endian(const char* at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | static_cast<unsigned char>(at[i]);
  return value;
}

// What a first byte begins, for error messages.
const char* kind(unsigned char byte) {
  if (byte < 0x80 || byte >= 0xe0) return "an integer";
  if (byte < 0x90) return "a map";
  if (byte < 0xa0) return "an array";
  if (byte < 0xc0) return "a string";
  switch (byte) {
    case 0xc0: return "nil";
    case 0xc1: return "a byte that msgpack does not use";
    case 0xc2:
    case 0xc3: return "a boolean";
    case 0xc4:
    case 0xc5:
    case 0xc6: return "binary";
    case 0xca:
    case 0xcb: return "a float";
    case 0xd9:
    case 0xda:
    case 0xdb: return "a string";
    case 0xdc:
    case 0xdd: return "an array";
    case 0xde:
    case 0xdf: return "a map";
    default: return byte >= 0xcc && byte <= 0xd3 ? "an integer" : "an extension type";
  }
}

}  // namespace

void Reader::refuse(Code code, std::string message, std::string field) {
  if (failed_) return;
  failed_ = true;
  at_ = end_;
  error_ = {code, std::move(message), std::move(field)};
}

void Reader::ends(const char* field) {
  if (failed_) return;
  cut_off_ = true;
  refuse(Code::malformed_frame,
         fmt::format("{} is cut off: the frame ends after {} bytes", field, end_ - begin_), field);
}

void Reader::wrong_type(const char* field, const char* expected) {
  if (at_ == end_) return ends(field);
  refuse(Code::malformed_frame,
         fmt::format("{} is {}, expected {}", field, kind(static_cast<unsigned char>(*at_)), expected),
         field);
}

void Reader::out_of_range(const char* field, std::uint64_t value, std::uint64_t max) {
  refuse(Code::invalid_argument, fmt::format("{} is {}, expected at most {}", field, value, max), field);
}

void Reader::too_long(const char* field, std::uint64_t length) {
  refuse(Code::malformed_frame,
         fmt::format("{} claims {} bytes or elements, expected at most {}", field, length, length_max_),
         field);
}

bool Reader::done() {
  if (!failed_ && at_ != end_) {
    refuse(Code::malformed_frame, fmt::format("{} bytes are left after the message", end_ - at_), "frame");
  }
  return !failed_;
}

// The big-endian number of `bytes` bytes after the first byte.
bool Reader::take(const char* field, std::size_t bytes, std::uint64_t& value) {
  if (remaining() < 1 + bytes) {
    ends(field);
    return false;
  }
  value = big_endian(at_ + 1, bytes);
  at_ += 1 + bytes;
  return true;
}

bool Reader::integer(const char* field, bool& negative, std::uint64_t& value) {
  const unsigned char byte = peek();
  negative = false;
  if (at_ != end_ && (byte < 0x80 || byte >= 0xe0)) {
    negative = byte >= 0xe0;
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(byte)));
    ++at_;
    return true;
  }
  if (byte < 0xcc || byte > 0xd3) return false;
  const std::size_t bytes = std::size_t{1} << ((byte - 0xccU) & 3U);
  if (!take(field, bytes, value)) return true;
  if (byte >= 0xd0) {  // signed: extend
    const unsigned shift = 64U - 8U * static_cast<unsigned>(bytes);
    const auto extended = static_cast<std::int64_t>(value << shift) >> shift;
    value = static_cast<std::uint64_t>(extended);
    negative = extended < 0;
  }
  return true;
}

std::uint64_t Reader::u64_slow(const char* field) {
  std::uint64_t value = 0;
  bool negative = false;
  if (!integer(field, negative, value)) {
    wrong_type(field, "an integer");
  } else if (negative) {
    refuse(Code::invalid_argument,
           fmt::format("{} is {}, expected 0 or more", field, static_cast<std::int64_t>(value)), field);
  }
  return failed_ ? 0 : value;
}

std::int64_t Reader::i64(const char* field) {
  std::uint64_t value = 0;
  bool negative = false;
  if (!integer(field, negative, value)) {
    wrong_type(field, "an integer");
  } else if (!negative && value > INT64_MAX) {
    out_of_range(field, value, INT64_MAX);
  }
  return failed_ ? 0 : static_cast<std::int64_t>(value);
}

double Reader::number(const char* field) {
  std::uint64_t value = 0;
  bool negative = false;
  if (peek() == 0xca && take(field, 4, value)) return std::bit_cast<float>(static_cast<std::uint32_t>(value));
  if (peek() == 0xcb && take(field, 8, value)) return std::bit_cast<double>(value);
  if (failed_) return 0;
  if (!integer(field, negative, value)) wrong_type(field, "a number");
  if (failed_) return 0;
  return negative ? static_cast<double>(static_cast<std::int64_t>(value)) : static_cast<double>(value);
}

bool Reader::boolean(const char* field) {
  const unsigned char byte = peek();
  if (byte != 0xc2 && byte != 0xc3) {
    wrong_type(field, "a boolean");
    return false;
  }
  ++at_;
  return byte == 0xc3;
}

Bytes Reader::view(const char* field, std::uint64_t length) {
  if (failed_) return {};
  if (length > length_max_) {
    too_long(field, length);
    return {};
  }
  if (length > remaining()) {
    ends(field);
    return {};
  }
  const Bytes found(at_, length);
  at_ += length;
  return found;
}

Bytes Reader::str(const char* field) {
  const unsigned char byte = peek();
  std::uint64_t length = 0;
  if (byte >= 0xa0 && byte < 0xc0) {
    ++at_;
    return view(field, byte & 0x1fU);
  }
  if (byte >= 0xd9 && byte <= 0xdb) {
    take(field, std::size_t{1} << (byte - 0xd9U), length);
    return view(field, length);
  }
  wrong_type(field, "a string");
  return {};
}

Bytes Reader::bin(const char* field) {
  const unsigned char byte = peek();
  if (byte == 0xc4 && remaining() >= 2) {
    const auto length = static_cast<unsigned char>(at_[1]);
    at_ += 2;
    return view(field, length);
  }
  if (byte >= 0xc4 && byte <= 0xc6) {
    std::uint64_t length = 0;
    take(field, std::size_t{1} << (byte - 0xc4U), length);
    return view(field, length);
  }
  if ((byte >= 0xa0 && byte < 0xc0) || (byte >= 0xd9 && byte <= 0xdb)) return str(field);
  wrong_type(field, "binary");
  return {};
}

std::uint32_t Reader::count(const char* field, unsigned char tiny, unsigned char wide, const char* expected) {
  const unsigned char byte = peek();
  std::uint64_t found = 0;
  if (at_ != end_ && (byte & 0xf0U) == tiny) {
    ++at_;
    found = byte & 0x0fU;
  } else if (byte == wide || byte == wide + 1) {
    if (!take(field, byte == wide ? 2 : 4, found)) return 0;
  } else {
    wrong_type(field, expected);
    return 0;
  }
  // Each element has at least one byte, a member of a map two.
  const std::uint64_t least = tiny == 0x80 ? found * 2 : found;
  if (found > length_max_) too_long(field, found);
  if (least > remaining()) ends(field);
  return failed_ ? 0 : static_cast<std::uint32_t>(found);
}

std::uint32_t Reader::array(const char* field) { return count(field, 0x90, 0xdc, "an array"); }
std::uint32_t Reader::map(const char* field) { return count(field, 0x80, 0xde, "a map"); }

void Reader::array(const char* field, std::uint32_t expected) {
  const std::uint32_t found = array(field);
  if (found != expected && !failed_) {
    refuse(Code::malformed_frame, fmt::format("{} has {} elements, expected {}", field, found, expected),
           field);
  }
}

bool Reader::nil() {
  if (peek() != 0xc0) return false;
  ++at_;
  return true;
}

// One scalar, or the head of a container.
void Reader::skip(const char* field) {
  const unsigned char byte = peek();
  std::uint64_t length = 0;
  bool negative = false;
  if (at_ == end_) return ends(field);
  if (integer(field, negative, length)) return;
  if ((byte >= 0xa0 && byte <= 0xbf) || (byte >= 0xc4 && byte <= 0xc6) || (byte >= 0xd9 && byte <= 0xdb)) {
    bin(field);
  } else if (byte == 0xc0 || byte == 0xc2 || byte == 0xc3) {
    ++at_;
  } else if (byte == 0xca || byte == 0xcb) {
    take(field, byte == 0xca ? 4 : 8, length);
  } else {
    wrong_type(field, "a value without extension types");
  }
}

Bytes Reader::raw(const char* field) {
  const char* first = at_;
  // Without recursion: a depth of a million costs nothing.
  for (std::uint64_t pending = 1; pending > 0 && !failed_; --pending) {
    const unsigned char byte = peek();
    if ((byte & 0xf0U) == 0x90 || byte == 0xdc || byte == 0xdd) {
      pending += array(field);
    } else if ((byte & 0xf0U) == 0x80 || byte == 0xde || byte == 0xdf) {
      pending += std::uint64_t{2} * map(field);
    } else {
      skip(field);
    }
  }
  return failed_ ? Bytes{} : Bytes(first, static_cast<std::size_t>(at_ - first));
}

Bytes Reader::raw_map(const char* field) {
  const unsigned char byte = peek();
  if ((byte & 0xf0U) != 0x80 && byte != 0xde && byte != 0xdf) {
    wrong_type(field, "a map");
    return {};
  }
  return raw(field);
}

}  // namespace joinery::protocol
