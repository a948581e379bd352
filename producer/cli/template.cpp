#include "producer/cli/template.h"

#include <algorithm>

namespace joinery::cli {
namespace {

constexpr std::string_view place = "{}";

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

std::string replaced(const std::string& word, const std::string& item) {
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = word.find(place, from)) != std::string::npos; from = at + place.size())
    out += word.substr(from, at - from) + item;
  return out + word.substr(from);
}

}  // namespace

Template::Template(const SubmissionFlags& flags, std::vector<std::string> words)
    : flags_(flags),
      words_(std::move(words)),
      has_place_(std::ranges::any_of(
          words_, [](const std::string& word) { return word.find(place) != std::string::npos; })) {}

Json Template::expand(const Json& item) const {
  Json arguments = Json::array();
  for (const std::string& word : words_) {
    if (word == place)
      arguments.push_back(item);
    else if (word.find(place) != std::string::npos)
      arguments.push_back(replaced(word, text_of(item)));
    else
      arguments.push_back(is_exec(flags_) ? Json(word) : argument(flags_, word));
  }
  if (has_place_) return arguments;
  if (!item.is_array()) {
    arguments.push_back(item);
  } else {
    for (const Json& element : item) arguments.push_back(element);
  }
  return arguments;
}

Buffer Template::payload(const Json& item) const {
  const Json arguments = expand(item);
  if (!is_exec(flags_)) return to_msgpack(arguments);
  std::vector<std::string> command;
  for (const Json& word : arguments) command.push_back(text_of(word));
  return cli::payload(flags_, command);
}

}  // namespace joinery::cli
