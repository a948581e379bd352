// The kinds of option: how each is written, checked and shown.
#include "shared/config/option.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace joinery::config {
namespace {

Option described(const std::string& name, const std::string& help, std::string hint, Option::Kind kind) {
  Option option;
  option.name = name;
  option.help = help;
  option.hint = std::move(hint);
  option.kind = kind;
  option.flag = "--" + name;
  option.variable = "JOINERY_" + name;
  for (char& c : option.flag)
    if (c == '.' || c == '_') c = '-';
  for (char& c : option.variable)
    c = c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return option;
}

Result<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return fail(Code::invalid_config, fmt::format("\"{}\" is neither true nor false", text));
}

// Wraps a setter of one value.
template <typename Set>
auto single(Set set) {
  return [set](const std::vector<std::string>& texts) -> Result<> {
    if (texts.size() != 1) return fail(Code::invalid_config, "one value was expected, not a list");
    return set(texts.front());
  };
}

template <typename T>
Result<> keep(Result<T> parsed, T& value) {
  if (!parsed) return std::unexpected(parsed.error());
  value = *parsed;
  return {};
}

}  // namespace

const std::vector<std::string> log_levels{"trace", "debug", "info", "warn", "error"};

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    if (end > start) parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::string meant(std::string_view text, const std::vector<std::string>& known) {
  const auto near = nearest(text, known);
  return near ? fmt::format("; did you mean {}?", *near) : "";
}

Option make_option(const std::string& name, std::string& value, const std::string& help) {
  Option option = described(name, help, "TEXT", Option::Kind::text);
  option.set = single([&value](const std::string& text) -> Result<> {
    value = text;
    return {};
  });
  option.show = [&value] { return std::vector{value}; };
  return option;
}

Option make_option(const std::string& name, bool& value, const std::string& help) {
  Option option = described(name, help, "", Option::Kind::boolean);
  option.set = single([&value](const std::string& text) { return keep(parse_bool(text), value); });
  option.show = [&value] { return std::vector<std::string>{value ? "true" : "false"}; };
  return option;
}

Option make_option(const std::string& name, std::uint32_t& value, const std::string& help,
                   std::uint32_t least, std::uint32_t most) {
  Option option = described(name, help, "NUMBER", Option::Kind::number);
  option.set = single([&value, least, most](const std::string& text) -> Result<> {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || number < least || number > most)
      return fail(Code::invalid_config,
                  fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
    value = number;
    return {};
  });
  option.show = [&value] { return std::vector{fmt::format("{}", value)}; };
  return option;
}

Option make_option(const std::string& name, Bytes& value, const std::string& help) {
  Option option = described(name, help, "SIZE", Option::Kind::text);
  option.set = single([&value](const std::string& text) { return keep(parse_size(text), value.value); });
  option.show = [&value] { return std::vector{format_size(value.value)}; };
  return option;
}

Option make_option(const std::string& name, Milliseconds& value, const std::string& help) {
  Option option = described(name, help, "DURATION", Option::Kind::text);
  option.set = single([&value](const std::string& text) { return keep(parse_duration(text), value.value); });
  option.show = [&value] { return std::vector{format_duration(value.value)}; };
  return option;
}

Option make_option(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  Option option = described(name, help, "LIST", Option::Kind::list);
  option.set = [&value](const std::vector<std::string>& texts) -> Result<> {
    value = texts;
    return {};
  };
  option.show = [&value] { return value; };
  return option;
}

Option make_option(const std::string& name, std::string& value, const std::string& help,
                   const std::vector<std::string>& words) {
  std::string choices;
  for (const std::string& word : words) choices += (choices.empty() ? "" : "|") + word;
  Option option = described(name, help, choices, Option::Kind::text);
  option.set = single([&value, words, choices](const std::string& given) -> Result<> {
    const std::string text = given == "warning" ? "warn" : given;
    if (std::ranges::find(words, text) == words.end())
      return fail(Code::invalid_config,
                  fmt::format("\"{}\" is not one of {}{}", given, choices, meant(given, words)));
    value = text;
    return {};
  });
  option.show = [&value] { return std::vector{value}; };
  return option;
}

}  // namespace joinery::config
