// Appends msgpack to a Buffer, always in the shortest form: the twin of Reader. (Not msgpack-c's packer: that
// appends each header byte by byte, and would put its header of 20,000 lines into every user of a frame.)
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "shared/base/bytes.h"

namespace joinery::protocol {

namespace pack {

// Each writes at `p`, which must have room for 9 bytes, and returns the end.
template <typename T>
char* big_endian(char* p, unsigned char head, T value) {
  *p++ = static_cast<char>(head);
  if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1) {
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  }
  std::memcpy(p, &value, sizeof(T));
  return p + sizeof(T);
}

inline char* u64(char* p, std::uint64_t value) {
  if (value < 0x80) return *p = static_cast<char>(value), p + 1;
  if (value <= 0xff) return big_endian(p, 0xcc, static_cast<std::uint8_t>(value));
  if (value <= 0xffff) return big_endian(p, 0xcd, static_cast<std::uint16_t>(value));
  if (value <= 0xffff'ffff) return big_endian(p, 0xce, static_cast<std::uint32_t>(value));
  return big_endian(p, 0xcf, value);
}

inline char* bin_head(char* p, std::size_t size) {
  if (size <= 0xff) return big_endian(p, 0xc4, static_cast<std::uint8_t>(size));
  if (size <= 0xffff) return big_endian(p, 0xc5, static_cast<std::uint16_t>(size));
  return big_endian(p, 0xc6, static_cast<std::uint32_t>(size));
}

}  // namespace pack

class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  void nil() { out_.push_back(static_cast<char>(0xc0)); }
  void boolean(bool value) { out_.push_back(static_cast<char>(value ? 0xc3 : 0xc2)); }
  void u64(std::uint64_t value) {
    char head[9];
    put(head, pack::u64(head, value));
  }
  void i64(std::int64_t value);
  void f32(float value);
  void f64(double value);
  void str(Bytes text);
  void bin(Bytes bytes) {
    char head[9];
    put(head, pack::bin_head(head, bytes.size()));
    out_.append(bytes);
  }
  void array(std::size_t count) { container(count, 0x90, 0xdc); }
  void map(std::size_t count) { container(count, 0x80, 0xde); }
  // msgpack that is ready.
  void raw(Bytes value) { out_.append(value); }

  Buffer& buffer() { return out_; }

 private:
  void put(const char* from, const char* to) { out_.append(from, static_cast<std::size_t>(to - from)); }
  void container(std::size_t count, unsigned char tiny, unsigned char wide);

  Buffer& out_;
};

}  // namespace joinery::protocol
