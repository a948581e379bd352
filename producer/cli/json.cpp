#include "producer/cli/json.h"

namespace joinery::cli {
namespace {

// What --json prints has no place for bytes.
Json printable(const Json& value) {
  if (value.is_binary()) {
    const auto& bytes = value.get_binary();
    std::string text(bytes.begin(), bytes.end());
    try {
      static_cast<void>(Json(text).dump());  // throws unless it is UTF-8
      return text;
    } catch (const Json::type_error&) {
      return Json{{"base64", base64(text)}};
    }
  }
  if (!value.is_structured()) return value;
  Json copy = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, inner] : value.items()) {
    if (value.is_array())
      copy.push_back(printable(inner));
    else
      add_new(copy, key, printable(inner));
  }
  return copy;
}

}  // namespace

Buffer to_msgpack(const Json& value) {
  Buffer out;
  Json::to_msgpack(value, out);
  return out;
}

Result<Json> from_msgpack(Bytes bytes) {
  try {
    return Json::from_msgpack(bytes.begin(), bytes.end());
  } catch (const Json::exception& error) {
    return fail(Code::malformed_payload, std::string("not one msgpack value: ") + error.what());
  }
}

std::optional<Json> parse_json(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::string to_line(const Json& value) {
  return printable(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string base64(Bytes bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : letters[group >> (18 - 6 * k) & 0x3FU];
  }
  return out;
}

const Json& member(const Json& map, const char* key) {
  static const Json none;
  const auto found = map.is_object() ? map.find(key) : map.end();
  return found == map.end() ? none : *found;
}

std::uint64_t number(const Json& map, const char* key, std::uint64_t otherwise) {
  const Json& value = member(map, key);
  return value.is_number() ? value.get<std::uint64_t>() : otherwise;
}

std::string text(const Json& map, const char* key, const std::string& otherwise) {
  const Json& value = member(map, key);
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? otherwise : to_line(value);
}

bool truth(const Json& map, const char* key) {
  const Json& value = member(map, key);
  return value.is_boolean() && value.get<bool>();
}

Json& add_new(Json& object, std::string key, Json value) {
  return object.get_ref<Json::object_t&>().Container::emplace_back(std::move(key), std::move(value)).second;
}

std::string list_text(const Json& map, const char* key) {
  std::string out;
  for (const Json& value : member(map, key))
    out += (out.empty() ? "" : ",") + (value.is_string() ? value.get<std::string>() : to_line(value));
  return out;
}

}  // namespace joinery::cli
