// A small msgpack tree: arguments and results of `request`, payloads of exec, dossiers. Not for the hot path.
//
//   Value arguments = Value::map();
//   arguments.set("queue", "mail").set("most", 100);
//   Buffer raw = encode(arguments);
//
//   auto value = decode_value(raw);                  // malformed_frame if it is not msgpack
//   auto queue = value->str("queue");                // Result: "queue is an integer, expected a string"
//   auto most = value->u64_or("most", 100);          // the default if absent or nil
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::protocol {

class Value {
 public:
  struct Member;
  using Array = std::vector<Value>;
  using Map = std::vector<Member>;  // in the order written
  struct Binary {
    Buffer bytes;
    bool operator==(const Binary&) const = default;
  };
  // In the order of the variant below; `integer` is a negative one.
  enum class Kind : std::uint8_t { nil, boolean, integer, uint, number, text, binary, array, map };

  Value();
  Value(std::integral auto value);  // bool too; nothing else converts to it
  Value(double value);
  Value(const char* value);
  Value(std::string_view value);
  Value(std::string value);
  Value(Binary value);
  Value(Array value);
  Value(Map value);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  static Value map();
  static Value array();
  static Value bin(Bytes bytes);

  Kind kind() const { return static_cast<Kind>(is_.index()); }
  bool is_nil() const { return kind() == Kind::nil; }

  // --- Building. REQUIRES: a map; an array ---
  // Adds a member, or replaces it. A nil value is written as nil.
  Value& set(std::string_view key, Value value);
  Value& push(Value value);

  // --- Reading this value. `field` is what an error calls it ---
  Result<bool> as_bool(std::string_view field) const;
  Result<std::uint64_t> as_u64(std::string_view field) const;
  Result<std::int64_t> as_i64(std::string_view field) const;
  Result<double> as_number(std::string_view field) const;  // any number
  Result<std::string_view> as_str(std::string_view field) const;
  Result<Bytes> as_bin(std::string_view field) const;  // binary or text
  Result<const Array*> as_array(std::string_view field) const;
  Result<const Map*> as_map(std::string_view field) const;
  Result<std::vector<std::uint64_t>> as_ids(std::string_view field) const;  // array of unsigned integers

  // --- Reading a member. REQUIRES: a map ---
  // Null if there is none, or if it is nil.
  const Value* find(std::string_view key) const;
  // Required ones: invalid_argument "KEY is missing" otherwise.
  Result<bool> boolean(std::string_view key) const;
  Result<std::uint64_t> u64(std::string_view key) const;
  Result<std::int64_t> i64(std::string_view key) const;
  Result<double> number(std::string_view key) const;
  Result<std::string_view> str(std::string_view key) const;
  Result<Bytes> bytes(std::string_view key) const;
  Result<const Array*> array(std::string_view key) const;
  Result<const Map*> map(std::string_view key) const;
  Result<std::vector<std::uint64_t>> ids(std::string_view key) const;
  // Optional ones.
  Result<bool> boolean_or(std::string_view key, bool usual) const;
  Result<std::uint64_t> u64_or(std::string_view key, std::uint64_t usual) const;
  Result<std::int64_t> i64_or(std::string_view key, std::int64_t usual) const;
  Result<std::string_view> str_or(std::string_view key, std::string_view usual) const;
  // unknown_field if there is a member that is none of these.
  Result<> only(std::initializer_list<std::string_view> keys) const;

  bool operator==(const Value& other) const;

 private:
  friend class ValueWriter;
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Binary, Array, Map>
      is_;
};

struct Value::Member {
  std::string key;
  Value value;
  bool operator==(const Member&) const = default;
};

Value::Value(std::integral auto value) {
  if constexpr (std::same_as<decltype(value), bool>) {
    is_ = value;
  } else if (std::cmp_less(value, 0)) {
    is_ = static_cast<std::int64_t>(value);
  } else {
    is_ = static_cast<std::uint64_t>(value);
  }
}

// One value and nothing behind it. At most 32 levels deep; keys of maps are text. malformed_frame otherwise.
Result<Value> decode_value(Bytes raw);
// The same, and it must be a map.
Result<Value> decode_map(Bytes raw);
void encode(const Value& value, Buffer& out);
Buffer encode(const Value& value);

// JSON on one line, or with two spaces per level. Binary appears as text if it is UTF-8, else as
// {"base64": "..."}; what JSON has no number for (NaN, infinity) as null.
std::string to_json(const Value& value, bool indented = false);

}  // namespace joinery::protocol
