#include "worker/handlers/typed.h"

#include <fmt/format.h>

#include "worker/handlers/failure.h"

namespace joinery::handlers::typed_detail {

std::string describe_type(const std::type_info& type) { return "what " + demangled(type) + " is read from"; }

std::string describe(const msgpack::object& object) {
  switch (object.type) {
    case msgpack::type::NIL: return "nil";
    case msgpack::type::BOOLEAN: return object.via.boolean ? "true" : "false";
    case msgpack::type::POSITIVE_INTEGER: return fmt::format("the integer {}", object.via.u64);
    case msgpack::type::NEGATIVE_INTEGER: return fmt::format("the integer {}", object.via.i64);
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64: return fmt::format("the number {}", object.via.f64);
    case msgpack::type::STR: return fmt::format("a string of {} bytes", object.via.str.size);
    case msgpack::type::BIN: return fmt::format("{} raw bytes", object.via.bin.size);
    case msgpack::type::ARRAY: return fmt::format("an array of {}", object.via.array.size);
    case msgpack::type::MAP: return fmt::format("a map of {}", object.via.map.size);
    case msgpack::type::EXT: return fmt::format("the extension type {}", object.via.ext.type());
  }
  return "an unknown type";
}

void throw_arity(std::size_t came, std::size_t expected) {
  throw MalformedPayload(
      fmt::format("the payload has {} argument{}, expected {}", came, came == 1 ? "" : "s", expected));
}

void throw_type(std::size_t index, const msgpack::object& came, const std::string& expected) {
  throw MalformedPayload(fmt::format("argument {} is {}, expected {}", index + 1, describe(came), expected));
}

std::pair<const msgpack::object*, std::size_t> arguments(msgpack::zone& zone, Bytes payload,
                                                         std::size_t arity, msgpack::object& bare) {
  if (payload.empty()) return {nullptr, 0};
  try {
    bare = pack_detail::parse(zone, payload);
  } catch (const UnpackError& error) {
    throw MalformedPayload(fmt::format("the payload is {}", error.what()));
  }
  if (bare.type == msgpack::type::ARRAY) return {bare.via.array.ptr, bare.via.array.size};
  if (arity == 1) return {&bare, 1};
  throw MalformedPayload(
      fmt::format("the payload is {}, expected an array of {} arguments", describe(bare), arity));
}

msgpack::zone& fresh_zone() {
  thread_local msgpack::zone zone;
  zone.clear();
  return zone;
}

}  // namespace joinery::handlers::typed_detail
