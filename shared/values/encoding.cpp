// What elements look like, and the words for what was found.
#include <joinery/encoding.h>

#include <fmt/format.h>

#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"

namespace joinery::values {
namespace {

bool is_integer(Bytes element) {
  const Bytes digits = element.starts_with('-') ? element.substr(1) : element;
  return !digits.empty() && digits.find_first_not_of("0123456789") == Bytes::npos;
}

// By the first byte of msgpack.
std::string_view msgpack_type(unsigned char head) {
  if (head >= 0x80 && head <= 0x8f) return "a map";
  if (head >= 0x90 && head <= 0x9f) return "a list";
  if (head >= 0xa0 && head <= 0xbf) return "a text";
  switch (head) {
    case 0xc0: return "nothing (nil)";
    case 0xc2:
    case 0xc3: return "a bool";
    case 0xc4:
    case 0xc5:
    case 0xc6: return "bytes";
    case 0xca:
    case 0xcb: return "a float";
    case 0xd9:
    case 0xda:
    case 0xdb: return "a text";
    case 0xdc:
    case 0xdd: return "a list";
    case 0xde:
    case 0xdf: return "a map";
    default: return "something that this library did not store";
  }
}

}  // namespace

std::string stored_type(Bytes element) {
  if (element.empty()) return "nothing";
  if (is_integer(element)) return fmt::format("the integer {}", element.substr(0, 24));
  return std::string(msgpack_type(static_cast<unsigned char>(element[0])));
}

void wrong_type(std::string_view where, std::string_view expected, Bytes element) {
  throw TypeError(fmt::format("{}: expected {}, found {}", where, expected, stored_type(element)));
}

Buffer encode_float(double value) {
  Buffer out;
  protocol::Writer(out).f64(value);
  return out;
}

double decode_float(Bytes element, std::string_view where) {
  if (is_integer(element)) return std::stod(std::string(element));
  protocol::Reader in(element);
  const double value = in.number("value");
  if (!in.done()) wrong_type(where, "a float", element);
  return value;
}

}  // namespace joinery::values
