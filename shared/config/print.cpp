// --print-config: the values in use as a TOML file that would set them.
#include <fmt/format.h>

#include <algorithm>

#include "shared/config/option.h"

namespace joinery::config {
namespace {

// As TOML and JSON write it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() == 1 ? "" : ", ") + quoted(text);
  return out + "]";
}

std::string value(const Option& option) {
  const std::vector<std::string> texts = option.show();
  if (option.kind == Option::Kind::list) return list(texts);
  if (option.disguise) return quoted(option.disguise(texts.front()));
  return option.kind == Option::Kind::text ? quoted(texts.front()) : texts.front();
}

// A key that TOML takes without quotes; dots part the tables.
std::string key(std::string_view text) {
  const bool bare = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return bare ? std::string(text) : quoted(text);
}

std::string line(std::string_view left, std::string_view source) {
  return fmt::format("{:<48}  # {}\n", left, source);
}

}  // namespace

std::string print_config(const std::string& program, std::span<const Option> options,
                         std::span<const NamedTable> tables) {
  std::string out = fmt::format("# {}: the values in use, and where each came from.\n", program);
  for (const Option& option : options)
    out += line(fmt::format("{} = {}", option.name, value(option)), option.source);
  for (const NamedTable& table : tables) {
    out += "\n" + line(fmt::format("[{}.{}]", table.prefix, key(table.name)),
                       fmt::format("{}:{}", table.file, table.line));
    for (std::size_t i = 0; i < table.entries.size(); ++i) {
      const auto& [name, texts] = table.entries[i];
      out += line(fmt::format("{} = {}", name, texts.size() == 1 ? quoted(texts.front()) : list(texts)),
                  fmt::format("{}:{}", table.file, table.lines[i]));
    }
  }
  return out;
}

// Texts, numbers, booleans and lists are written in TOML as they are in JSON.
std::string print_config_json(std::span<const Option> options) {
  std::string out = "{";
  for (const Option& option : options)
    out += fmt::format("{}{}:{{\"value\":{},\"source\":{}}}", out.size() == 1 ? "" : ",", quoted(option.name),
                       value(option), quoted(option.source));
  return out + "}\n";
}

}  // namespace joinery::config
