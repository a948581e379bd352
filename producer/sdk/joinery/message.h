// C++ values as the messages of queues and pipes: one msgpack value each.
#pragma once

#include "joinery/errors.h"
#include "shared/protocol/pack.h"
#include "worker/handlers/typed.h"

namespace joinery::sdk {

// Appends. Throws what the value's own packing throws.
template <typename T>
void pack_message(const T& value, Buffer& out) {
  pack_detail::Sink sink{out};
  msgpack::pack(sink, value);
}

// Of this thread. Not that of its job, whose arguments may be in there.
inline msgpack::zone& message_zone() {
  thread_local msgpack::zone zone;
  zone.clear();
  return zone;
}

// T must own what it holds. Throws TypeError, which says what came and what was expected.
template <typename T>
T unpack_message(Bytes bytes) {
  namespace typed = handlers::typed_detail;
  try {
    const msgpack::object object = pack_detail::parse(message_zone(), bytes);
    try {
      return object.as<T>();
    } catch (const msgpack::type_error&) {
      throw TypeError(typed::describe(object) + " came, expected " + typed::expected<T>());
    }
  } catch (const UnpackError& error) {
    throw TypeError(std::string(error.what()) + " came, expected " + typed::expected<T>());
  }
}

}  // namespace joinery::sdk
