// Little-endian numbers, varints and strings: writing into a buffer, and bounds-checked reading.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "shared/base/bytes.h"

namespace joinery::broker::journal {

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1));
}
// Differences of any two values, without overflow.
constexpr std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

constexpr std::size_t varint_max = 10;

// Writes at `to`, which has room for varint_max bytes; returns the end.
inline char* put_varint(char* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}

class FieldWriter {
 public:
  explicit FieldWriter(Buffer& out) : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void flag(bool value) { byte(value ? 1 : 0); }
  void varint(std::uint64_t value) {
    char bytes[varint_max];
    out_.append(bytes, put_varint(bytes, value));
  }
  void zig(std::int64_t value) { varint(zigzag(value)); }
  void u64(std::uint64_t value) { raw(value); }
  void f32(float value) { raw(std::bit_cast<std::uint32_t>(value)); }
  void string(Bytes value) {
    varint(value.size());
    out_.append(value);
  }
  // A column of `count` varints, one per value, in one tight loop.
  template <typename Values, typename ToUnsigned>
  void column(const Values& values, ToUnsigned to_unsigned) {
    const std::size_t begin = out_.size();
    out_.resize(begin + values.size() * varint_max);
    char* to = out_.data() + begin;
    for (const auto& value : values) to = put_varint(to, to_unsigned(value));
    out_.resize(static_cast<std::size_t>(to - out_.data()));
  }

 private:
  template <typename T>
  void raw(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out_.append(bytes, sizeof value);
  }

  Buffer& out_;
};

// Reads from the front of `in`. After the first thing that is not there, everything reads as zero and good()
// is false.
class FieldReader {
 public:
  explicit FieldReader(Bytes in) : at_(in.data()), end_(in.data() + in.size()) {}

  bool good() const { return good_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  Bytes rest() const { return {at_, left()}; }
  void bad() {
    good_ = false;
    at_ = end_;
  }

  std::uint8_t byte() {
    if (at_ == end_) return bad(), 0;
    return static_cast<std::uint8_t>(*at_++);
  }
  // A byte that is at most `max`.
  std::uint8_t byte_to(std::uint8_t max) {
    const std::uint8_t value = byte();
    if (value > max) return bad(), 0;
    return value;
  }
  bool flag() { return byte_to(1) != 0; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const auto next = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && next > 1) break;
      value |= std::uint64_t{next & 0x7FU} << shift;
      if (next < 0x80) return value;
    }
    return bad(), 0;
  }
  // A varint that is at most `max`.
  std::uint64_t varint_to(std::uint64_t max) {
    const std::uint64_t value = varint();
    if (value > max) return bad(), 0;
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(varint_to(UINT32_MAX)); }
  std::int64_t zig() { return unzigzag(varint()); }
  std::uint64_t u64() { return raw<std::uint64_t>(); }
  float f32() { return std::bit_cast<float>(raw<std::uint32_t>()); }
  // The number of items that follow; each takes at least `item` bytes, so a wild one is refused before memory
  // is asked for.
  std::size_t count(std::size_t item) {
    const std::uint64_t count = varint();
    if (count > left() / item) return bad(), 0;
    return static_cast<std::size_t>(count);
  }
  Bytes string() {
    const std::uint64_t size = varint();
    if (size > left()) return bad(), Bytes();
    const Bytes value(at_, size);
    at_ += size;
    return value;
  }

 private:
  template <typename T>
  T raw() {
    T value{};
    if (left() < sizeof value) return bad(), value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  const char* at_;
  const char* end_;
  bool good_ = true;
};

}  // namespace joinery::broker::journal
