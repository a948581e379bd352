#include "shared/protocol/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "shared/base/check.h"
#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"

namespace joinery::protocol {
namespace {

constexpr int depth_max = 32;

constexpr std::string_view kinds[] = {"nil",      "a boolean", "a negative integer", "an integer", "a float",
                                      "a string", "binary",    "an array",           "a map"};

template <typename T>
Result<T> wrong(const Value& value, std::string_view field, std::string_view expected) {
  return fail(
      Code::invalid_argument,
      fmt::format("{} is {}, expected {}", field, kinds[static_cast<std::size_t>(value.kind())], expected),
      std::string(field));
}

std::unexpected<Error> missing(std::string_view key, std::string_view expected) {
  return fail(Code::invalid_argument, fmt::format("{} is missing, expected {}", key, expected),
              std::string(key));
}

bool is_integer(unsigned char byte) { return byte < 0x80 || byte >= 0xe0 || (byte >= 0xcc && byte <= 0xd3); }

Value read(Reader& in, int depth);

Value read_array(Reader& in, int depth) {
  Value::Array array;
  const std::uint32_t count = in.array("array");
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) array.push_back(read(in, depth + 1));
  return array;
}

Value read_map(Reader& in, int depth) {
  Value::Map map;
  const std::uint32_t count = in.map("map");
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string key(in.str("a map's key"));
    map.push_back({std::move(key), read(in, depth + 1)});
  }
  return map;
}

Value read(Reader& in, int depth) {
  if (depth > depth_max) {
    in.refuse(Code::malformed_frame, fmt::format("value is nested more than {} levels deep", depth_max),
              "value");
    return {};
  }
  const unsigned char byte = in.peek();
  if ((byte >= 0x90 && byte < 0xa0) || byte == 0xdc || byte == 0xdd) return read_array(in, depth);
  if ((byte >= 0x80 && byte < 0x90) || byte == 0xde || byte == 0xdf) return read_map(in, depth);
  if ((byte >= 0xa0 && byte < 0xc0) || (byte >= 0xd9 && byte <= 0xdb)) return in.str("value");
  if (byte >= 0xc4 && byte <= 0xc6) return Value::bin(in.bin("value"));
  if (byte == 0xc2 || byte == 0xc3) return in.boolean("value");
  if (byte == 0xca || byte == 0xcb) return in.number("value");
  if (is_integer(byte)) return byte >= 0xd0 ? Value(in.i64("value")) : Value(in.u64("value"));
  if (in.nil()) return {};
  in.raw("value");  // says what is wrong
  return {};
}

}  // namespace

// Here, where Member is complete.
Value::Value() = default;
Value::Value(double value) : is_(value) {}
Value::Value(const char* value) : is_(std::string(value)) {}
Value::Value(std::string_view value) : is_(std::string(value)) {}
Value::Value(std::string value) : is_(std::move(value)) {}
Value::Value(Binary value) : is_(std::move(value)) {}
Value::Value(Array value) : is_(std::move(value)) {}
Value::Value(Map value) : is_(std::move(value)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
Value Value::map() { return Map{}; }
Value Value::array() { return Array{}; }
Value Value::bin(Bytes bytes) { return Binary{Buffer(bytes)}; }

Value& Value::set(std::string_view key, Value value) {
  JOINERY_CHECK(kind() == Kind::map);
  Map& map = std::get<Map>(is_);
  const auto at = std::ranges::find(map, key, &Member::key);
  if (at != map.end()) {
    at->value = std::move(value);
  } else {
    map.push_back({std::string(key), std::move(value)});
  }
  return *this;
}

Value& Value::push(Value value) {
  JOINERY_CHECK(kind() == Kind::array);
  std::get<Array>(is_).push_back(std::move(value));
  return *this;
}

bool Value::operator==(const Value& other) const { return is_ == other.is_; }

Result<bool> Value::as_bool(std::string_view field) const {
  if (const bool* value = std::get_if<bool>(&is_)) return *value;
  return wrong<bool>(*this, field, "a boolean");
}

Result<std::uint64_t> Value::as_u64(std::string_view field) const {
  if (const auto* value = std::get_if<std::uint64_t>(&is_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&is_)) {
    return fail(Code::invalid_argument, fmt::format("{} is {}, expected 0 or more", field, *value),
                std::string(field));
  }
  return wrong<std::uint64_t>(*this, field, "an integer");
}

Result<std::int64_t> Value::as_i64(std::string_view field) const {
  if (const auto* value = std::get_if<std::int64_t>(&is_)) return *value;
  if (const auto* value = std::get_if<std::uint64_t>(&is_)) {
    if (*value <= INT64_MAX) return static_cast<std::int64_t>(*value);
    return fail(Code::invalid_argument,
                fmt::format("{} is {}, expected at most {}", field, *value, INT64_MAX), std::string(field));
  }
  return wrong<std::int64_t>(*this, field, "an integer");
}

Result<double> Value::as_number(std::string_view field) const {
  if (const auto* value = std::get_if<double>(&is_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&is_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::uint64_t>(&is_)) return static_cast<double>(*value);
  return wrong<double>(*this, field, "a number");
}

Result<std::string_view> Value::as_str(std::string_view field) const {
  if (const auto* value = std::get_if<std::string>(&is_)) return *value;
  return wrong<std::string_view>(*this, field, "a string");
}

Result<Bytes> Value::as_bin(std::string_view field) const {
  if (const auto* value = std::get_if<Binary>(&is_)) return value->bytes;
  if (const auto* value = std::get_if<std::string>(&is_)) return *value;
  return wrong<Bytes>(*this, field, "binary");
}

Result<const Value::Array*> Value::as_array(std::string_view field) const {
  if (const auto* value = std::get_if<Array>(&is_)) return value;
  return wrong<const Array*>(*this, field, "an array");
}

Result<const Value::Map*> Value::as_map(std::string_view field) const {
  if (const auto* value = std::get_if<Map>(&is_)) return value;
  return wrong<const Map*>(*this, field, "a map");
}

Result<std::vector<std::uint64_t>> Value::as_ids(std::string_view field) const {
  auto array = as_array(field);
  if (!array) return std::unexpected(array.error());
  std::vector<std::uint64_t> ids;
  ids.reserve((*array)->size());
  for (const Value& one : **array) {
    auto id = one.as_u64(field);
    if (!id) return std::unexpected(id.error());
    ids.push_back(*id);
  }
  return ids;
}

const Value* Value::find(std::string_view key) const {
  JOINERY_CHECK(kind() == Kind::map);
  for (const Member& member : std::get<Map>(is_)) {
    if (member.key == key) return member.value.is_nil() ? nullptr : &member.value;
  }
  return nullptr;
}

Result<bool> Value::boolean(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_bool(key) : missing(key, "a boolean");
}
Result<std::uint64_t> Value::u64(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_u64(key) : missing(key, "an integer");
}
Result<std::int64_t> Value::i64(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_i64(key) : missing(key, "an integer");
}
Result<double> Value::number(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_number(key) : missing(key, "a number");
}
Result<std::string_view> Value::str(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_str(key) : missing(key, "a string");
}
Result<Bytes> Value::bytes(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_bin(key) : missing(key, "binary");
}
Result<const Value::Array*> Value::array(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_array(key) : missing(key, "an array");
}
Result<const Value::Map*> Value::map(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_map(key) : missing(key, "a map");
}
Result<std::vector<std::uint64_t>> Value::ids(std::string_view key) const {
  const Value* member = find(key);
  return member ? member->as_ids(key) : missing(key, "an array of job ids");
}

Result<bool> Value::boolean_or(std::string_view key, bool usual) const {
  const Value* member = find(key);
  return member ? member->as_bool(key) : usual;
}
Result<std::uint64_t> Value::u64_or(std::string_view key, std::uint64_t usual) const {
  const Value* member = find(key);
  return member ? member->as_u64(key) : usual;
}
Result<std::int64_t> Value::i64_or(std::string_view key, std::int64_t usual) const {
  const Value* member = find(key);
  return member ? member->as_i64(key) : usual;
}
Result<std::string_view> Value::str_or(std::string_view key, std::string_view usual) const {
  const Value* member = find(key);
  return member ? member->as_str(key) : usual;
}

Result<> Value::only(std::initializer_list<std::string_view> keys) const {
  JOINERY_CHECK(kind() == Kind::map);
  for (const Member& member : std::get<Map>(is_)) {
    if (std::ranges::find(keys, member.key) != keys.end()) continue;
    return fail(Code::unknown_field,
                fmt::format("{} is not known, expected one of: {}", member.key, fmt::join(keys, ", ")),
                member.key);
  }
  return {};
}

Result<Value> decode_value(Bytes raw) {
  Reader in(raw);
  Value value = read(in, 0);
  if (!in.done()) return std::unexpected(in.error());
  return value;
}

Result<Value> decode_map(Bytes raw) {
  auto value = decode_value(raw);
  if (value && value->kind() != Value::Kind::map) {
    return fail(Code::malformed_frame,
                fmt::format("value is {}, expected a map", kinds[static_cast<std::size_t>(value->kind())]),
                "value");
  }
  return value;
}

}  // namespace joinery::protocol
