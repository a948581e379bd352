// One line of the table of options, and what became of it: shared by parsing and --print-config.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "shared/config/config.h"

namespace CLI {
class Option;
}

namespace joinery::config {

struct Option {
  enum class Kind : std::uint8_t { text, number, boolean, list };

  std::string name;      // "journal.segment_size"
  std::string flag;      // "--journal-segment-size"
  std::string variable;  // "JOINERY_JOURNAL_SEGMENT_SIZE"
  std::string help;
  std::string hint;  // what kind of value, in --help: "SIZE"
  Kind kind = Kind::text;
  std::function<Result<>(const std::vector<std::string>& texts)> set;
  std::function<std::vector<std::string>()> show;  // the value in use, as `set` takes it
  std::function<std::string(const std::string&)>
      disguise;  // what --print-config shows instead; none: the value
  bool reloadable = false;
  std::vector<std::string> initial;  // the default, as `set` takes it
  std::string source = "default";
  CLI::Option* cli = nullptr;
};

// One for each Options::add.
Option make_option(const std::string& name, std::string& value, const std::string& help);
Option make_option(const std::string& name, bool& value, const std::string& help);
Option make_option(const std::string& name, std::uint32_t& value, const std::string& help,
                   std::uint32_t least, std::uint32_t most);
Option make_option(const std::string& name, Bytes& value, const std::string& help);
Option make_option(const std::string& name, Milliseconds& value, const std::string& help);
Option make_option(const std::string& name, std::vector<std::string>& value, const std::string& help);
Option make_option(const std::string& name, std::string& value, const std::string& help,
                   const std::vector<std::string>& words);

// "a,b" as "a" and "b"; empty parts are left out.
std::vector<std::string> split_commas(std::string_view text);

// "; did you mean X?" if one of `known` is near to `text`, else nothing.
std::string meant(std::string_view text, const std::vector<std::string>& known);

// A table with a name of the user's choice, as it stood in the file.
struct NamedTable {
  std::string prefix;
  std::string name;
  Options::Table entries;
  std::vector<unsigned> lines;  // of the entries
  std::string file;
  unsigned line = 0;
};

// A TOML file that sets what is in use, each line with the place it came from.
std::string print_config(const std::string& program, std::span<const Option> options,
                         std::span<const NamedTable> tables);

}  // namespace joinery::config
