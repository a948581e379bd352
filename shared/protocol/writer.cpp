#include "shared/protocol/writer.h"

namespace joinery::protocol {

void Writer::i64(std::int64_t value) {
  if (value >= 0) return u64(static_cast<std::uint64_t>(value));
  char head[9];
  if (value >= -32) {
    out_.push_back(static_cast<char>(value));
  } else if (value >= INT8_MIN) {
    put(head, pack::big_endian(head, 0xd0, static_cast<std::uint8_t>(value)));
  } else if (value >= INT16_MIN) {
    put(head, pack::big_endian(head, 0xd1, static_cast<std::uint16_t>(value)));
  } else if (value >= INT32_MIN) {
    put(head, pack::big_endian(head, 0xd2, static_cast<std::uint32_t>(value)));
  } else {
    put(head, pack::big_endian(head, 0xd3, static_cast<std::uint64_t>(value)));
  }
}

void Writer::f32(float value) {
  char head[9];
  put(head, pack::big_endian(head, 0xca, std::bit_cast<std::uint32_t>(value)));
}

void Writer::f64(double value) {
  char head[9];
  put(head, pack::big_endian(head, 0xcb, std::bit_cast<std::uint64_t>(value)));
}

void Writer::str(Bytes text) {
  char head[9];
  if (text.size() < 32) {
    out_.push_back(static_cast<char>(0xa0 | text.size()));
  } else if (text.size() <= 0xff) {
    put(head, pack::big_endian(head, 0xd9, static_cast<std::uint8_t>(text.size())));
  } else if (text.size() <= 0xffff) {
    put(head, pack::big_endian(head, 0xda, static_cast<std::uint16_t>(text.size())));
  } else {
    put(head, pack::big_endian(head, 0xdb, static_cast<std::uint32_t>(text.size())));
  }
  out_.append(text);
}

void Writer::container(std::size_t count, unsigned char tiny, unsigned char wide) {
  char head[9];
  if (count < 16) {
    out_.push_back(static_cast<char>(tiny | count));
  } else if (count <= 0xffff) {
    put(head, pack::big_endian(head, wide, static_cast<std::uint16_t>(count)));
  } else {
    put(head,
        pack::big_endian(head, static_cast<unsigned char>(wide + 1), static_cast<std::uint32_t>(count)));
  }
}

}  // namespace joinery::protocol
