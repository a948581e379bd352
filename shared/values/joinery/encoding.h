// How C++ values are stored in Redis. An integer is its decimal digits, so that Redis can add to it; a
// floating-point number is msgpack's float 64 (0xcb); everything else is msgpack (pack.h; your own types:
// MSGPACK_DEFINE). No msgpack that is not an integer begins with a digit or '-', so that every element tells
// its own type.
//
// Keys of a Dict, and members of a Set, are stored in the same way, but for texts, which are themselves.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "shared/base/exceptions.h"
#include "shared/protocol/pack.h"

namespace joinery::values {

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;
template <typename T>
concept Text = std::convertible_to<const T&, std::string_view>;
template <typename T>
concept Number = Integer<T> || std::floating_point<T>;

// "an integer", "a text", "a list"...: what an element is.
std::string stored_type(Bytes element);
// Throws TypeError: "stock: expected an integer, found a text".
[[noreturn]] void wrong_type(std::string_view where, std::string_view expected, Bytes element);

Buffer encode_float(double value);
double decode_float(Bytes element, std::string_view where);  // takes integers, too

// What a T is stored as, in the words of stored_type().
template <typename T>
constexpr std::string_view type_name() {
  if constexpr (std::same_as<T, bool>)
    return "a bool";
  else if constexpr (Integer<T>)
    return std::is_unsigned_v<T> ? "an unsigned integer" : "an integer";
  else if constexpr (std::floating_point<T>)
    return "a float";
  else if constexpr (Text<T>)
    return "a text";
  else if constexpr (requires { typename T::mapped_type; })
    return "a map";
  else if constexpr (requires(T t) {
                       t.begin();
                       t.end();
                     })
    return "a list";
  else
    return "a value of the program's own type";
}

template <typename T>
Buffer encode(const T& value) {
  if constexpr (Integer<T>)
    return std::to_string(value);
  else if constexpr (std::floating_point<T>)
    return encode_float(value);
  else
    return pack_value(value);
}

// `where` is named in the error. Throws TypeError: another type, or an integer out of the range of T.
template <typename T>
T decode(Bytes element, std::string_view where) {
  if constexpr (Integer<T>) {
    T value{};
    const char* end = element.data() + element.size();
    const auto [at, error] = std::from_chars(element.data(), end, value);
    if (error != std::errc() || at != end) wrong_type(where, type_name<T>(), element);
    return value;
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(decode_float(element, where));
  } else {
    if (!element.empty() && (element[0] == '-' || (element[0] >= '0' && element[0] <= '9'))) {
      wrong_type(where, type_name<T>(), element);
    }
    try {
      return unpack<T>(element);
    } catch (const UnpackError&) {
      wrong_type(where, type_name<T>(), element);
    }
  }
}

template <typename K>
Buffer encode_key(const K& key) {
  if constexpr (Text<K>)
    return Buffer(std::string_view(key));
  else
    return encode(key);
}
template <typename K>
K decode_key(Bytes stored, std::string_view where) {
  if constexpr (std::same_as<K, std::string>)
    return K(stored);
  else
    return decode<K>(stored, where);
}

// What reading returns: a value that can be copied and assigned from, but not changed in place, because the
// change would be lost with the copy: `dict.get("list").push_back(1)` does not compile.
template <typename T>
using Copy = std::conditional_t<std::is_class_v<T>, const T, T>;

}  // namespace joinery::values
