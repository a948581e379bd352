// JSON in and out of the command line, and msgpack maps of the wire as the same values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::cli {

// Keeps the order in which keys were set.
using Json = nlohmann::ordered_json;

Buffer to_msgpack(const Json& value);
// Error malformed_payload if the bytes are not one msgpack value.
Result<Json> from_msgpack(Bytes bytes);
// nullopt if it is no JSON.
std::optional<Json> parse_json(std::string_view text);
// The same of a file: the error says where the mistake is, and a key that is there twice is one.
Result<Json> parse_json_file(std::string_view text);
// On one line. Bytes become text if they are UTF-8, else {"base64": "..."}; invalid UTF-8 in texts is
// replaced.
std::string to_line(const Json& value);
std::string base64(Bytes bytes);

// A member of a reply, or `otherwise` if it is absent or of another type: a newer or older broker is no
// reason to fail.
std::uint64_t number(const Json& map, const char* key, std::uint64_t otherwise = 0);
std::string text(const Json& map, const char* key, const std::string& otherwise = {});
bool truth(const Json& map, const char* key);
const Json& member(const Json& map, const char* key);  // null if absent
// Adds a member that is not there yet, and so is not looked for among the others: there may be many. The
// value, where it is now.
Json& add_new(Json& object, std::string key, Json value);
// Texts of a list, joined by commas.
std::string list_text(const Json& map, const char* key);

}  // namespace joinery::cli
