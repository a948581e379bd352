// Pulls values of known types out of msgpack, without a tree between. Trusts nothing: lengths and counts are
// checked against the bytes that are there before they are believed.
//
// The first mistake sticks: from then on every getter returns an empty value and every count is 0, so that a
// decoder reads straight on and looks at ok() once per list element or at the end. The error names the field.
//
//   Reader in(frame);
//   in.array("capacity", 2); in.u64("type");
//   capacity.deliveries = in.u32("deliveries");
//   if (!in.done()) return std::unexpected(in.error());
#pragma once

#include <cstdint>

#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::protocol {

class Reader {
 public:
  // length_max: a string, array or map that claims more is an error even if its bytes may still come.
  explicit Reader(Bytes data, std::size_t length_max = SIZE_MAX)
      : begin_(data.data()), at_(begin_), end_(begin_ + data.size()), length_max_(length_max) {}

  std::uint64_t u64(const char* field) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) return static_cast<unsigned char>(*at_++);
    return u64_slow(field);
  }
  std::uint32_t u32(const char* field) { return static_cast<std::uint32_t>(at_most(field, UINT32_MAX)); }
  std::uint64_t at_most(const char* field, std::uint64_t max) {
    const std::uint64_t value = u64(field);
    if (value > max) [[unlikely]]
      out_of_range(field, value, max);
    return failed_ ? 0 : value;
  }
  std::int64_t i64(const char* field);
  double number(const char* field);  // a float or an integer
  bool boolean(const char* field);
  Bytes str(const char* field);
  Bytes bin(const char* field);  // a str is taken as its bytes

  // The number of elements, at most as many as there are bytes left.
  std::uint32_t array(const char* field);
  std::uint32_t map(const char* field);
  // Exactly `count` elements.
  void array(const char* field, std::uint32_t count);
  // Takes a nil, if that is next.
  bool nil();
  // One value of any type (or a map), undecoded; its depth is not looked at.
  Bytes raw(const char* field);
  Bytes raw_map(const char* field);

  bool at_end() const { return at_ == end_; }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  unsigned char peek() const { return at_ == end_ ? 0xc1 : static_cast<unsigned char>(*at_); }

  bool ok() const { return !failed_; }
  // ok, and nothing is left over.
  bool done();
  // The input ended too early: more of it could help.
  bool cut_off() const { return cut_off_; }
  const Error& error() const { return error_; }
  // Records a mistake that the caller found.
  void refuse(Code code, std::string message, std::string field);

 private:
  std::uint64_t u64_slow(const char* field);
  // Any integer: `value` is its two's complement. False, and nothing taken, if something else is next.
  bool integer(const char* field, bool& negative, std::uint64_t& value);
  std::uint32_t count(const char* field, unsigned char tiny, unsigned char wide, const char* expected);
  void skip(const char* field);
  bool take(const char* field, std::size_t bytes, std::uint64_t& value);
  Bytes view(const char* field, std::uint64_t length);
  void wrong_type(const char* field, const char* expected);
  void out_of_range(const char* field, std::uint64_t value, std::uint64_t max);
  void ends(const char* field);
  void too_long(const char* field, std::uint64_t length);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t length_max_;
  bool failed_ = false;
  bool cut_off_ = false;
  Error error_;
};

}  // namespace joinery::protocol
