// C++ values to msgpack and back: payloads and results of typed handlers, for both ends of a job. Includes
// msgpack.hpp, so only the headers of the SDK include it.
//
// Text is std::string or std::string_view. Raw bytes are std::vector<char>, <unsigned char> or <std::byte>,
// packed as bin. Reading accepts either for both. Your own types: MSGPACK_DEFINE.
#pragma once

#include <cstddef>
#include <msgpack.hpp>
#include <stdexcept>
#include <utility>

#include "shared/base/bytes.h"

namespace joinery {

// What unpack() throws: the bytes are not msgpack, or not of the type asked for.
class UnpackError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

namespace pack_detail {

// msgpack's idea of a stream, over a Buffer.
struct Sink {
  Buffer& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};

// Everything is read in place: strings of the object point into `bytes`, arrays live in `zone`. An array or
// map cannot have more elements than there are bytes.
inline msgpack::object parse(msgpack::zone& zone, Bytes bytes) {
  constexpr std::size_t depth_max = 128;
  const std::size_t size = bytes.size();
  const auto in_place = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  std::size_t end = 0;
  try {
    msgpack::object object = msgpack::unpack(zone, bytes.data(), size, end, in_place, nullptr,
                                             msgpack::unpack_limit(size, size, size, size, size, depth_max));
    if (end == size) return object;
  } catch (const msgpack::unpack_error&) {
    throw UnpackError("not valid msgpack (" + std::to_string(size) + " bytes)");
  }
  throw UnpackError("longer than one msgpack value, by " + std::to_string(size - end) +
                    (size - end == 1 ? " byte" : " bytes"));
}

}  // namespace pack_detail

// One value, as a handler's result is packed.
template <typename T>
Buffer pack_value(const T& value) {
  Buffer out;
  pack_detail::Sink sink{out};
  msgpack::pack(sink, value);
  return out;
}

// The payload of a typed handler: the array of its arguments.
template <typename... Args>
Buffer pack(const Args&... args) {
  Buffer out;
  pack_detail::Sink sink{out};
  msgpack::packer<pack_detail::Sink> packer(sink);
  packer.pack_array(sizeof...(args));
  (packer.pack(args), ...);
  return out;
}

// A result, or any other single value. Throws UnpackError. T must own what it holds.
template <typename T>
T unpack(Bytes bytes) {
  msgpack::zone zone;
  const msgpack::object object = pack_detail::parse(zone, bytes);
  try {
    return object.as<T>();
  } catch (const msgpack::type_error&) {
    throw UnpackError("the msgpack value has another type than was expected");
  }
}

}  // namespace joinery
