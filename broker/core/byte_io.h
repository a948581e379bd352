// Little-endian values into pieces of bytes and back, for the snapshot. Reading past the end gives zeros and
// makes ok() false.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "shared/base/bytes.h"

namespace joinery::broker {

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

class ByteWriter {
 public:
  explicit ByteWriter(const std::function<void(Bytes)>& write) : write_(write), buffer_(piece, '\0') {}
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;
  ~ByteWriter() { flush(); }

  template <typename T>
  requires std::integral<T> || std::floating_point<T>
  void put(T value) {
    if (piece - used_ < sizeof value) flush();
    std::memcpy(buffer_.data() + used_, &value, sizeof value);
    used_ += sizeof value;
  }
  template <typename E>
  requires std::is_enum_v<E>
  void put(E value) { put(std::to_underlying(value)); }
  void put(Bytes text) {
    put(static_cast<std::uint32_t>(text.size()));
    if (piece - used_ < text.size()) flush();
    if (text.size() > piece) return write_(text);
    text.copy(buffer_.data() + used_, text.size());
    used_ += text.size();
  }

 private:
  static constexpr std::size_t piece = 1U << 18U;
  void flush() {
    write_(Bytes(buffer_).substr(0, used_));
    used_ = 0;
  }
  const std::function<void(Bytes)>& write_;
  std::string buffer_;
  std::size_t used_ = 0;
};

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : all_(bytes.size()), left_(bytes) {}

  template <typename T>
  requires std::integral<T> || std::floating_point<T> T get() {
    T value{};
    if (left_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  template <typename T>
  void get(T& value) {
    value = get<T>();
  }
  // `last` is the greatest value of the enumeration.
  template <typename E>
  E get_enum(E last) {
    const auto value = get<std::underlying_type_t<E>>();
    if (value > std::to_underlying(last)) fail();
    return static_cast<E>(value);
  }
  std::string text() {
    const auto size = get<std::uint32_t>();
    if (size > left_.size()) {
      fail();
      return {};
    }
    std::string value(left_.substr(0, size));
    left_.remove_prefix(size);
    return value;
  }
  // A number of things of which each takes at least `least` bytes.
  std::uint64_t count(std::size_t least) {
    const auto number = get<std::uint64_t>();
    if (number > left_.size() / least) fail();
    return ok_ ? number : 0;
  }
  void fail() {
    ok_ = false;
    left_ = {};
  }
  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }
  std::size_t position() const { return all_ - left_.size(); }

 private:
  std::size_t all_;
  Bytes left_;
  bool ok_ = true;
};

}  // namespace joinery::broker
