// What is behind Options: the table itself, and where its values come from.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>

#include "shared/base/exit_code.h"
#include "shared/config/config.h"
#include "shared/config/option.h"
#include "shared/config/toml_file.h"

namespace joinery::config {

struct TableKind {
  std::string prefix;
  std::vector<std::string> keys;
  std::function<Result<>(const std::string&, const Options::Table&)> take;

  bool knows(const std::string& key) const {
    return std::ranges::any_of(keys, [&key](const std::string& known) {
      return known.ends_with(".*") ? key.starts_with(known.substr(0, known.size() - 1)) : key == known;
    });
  }
};

struct Options::Impl {
  std::string program;
  std::string file_name;
  CLI::App app;
  std::string file_given;
  bool print = false;
  std::vector<Option> options;
  std::vector<TableKind> kinds;
  std::vector<NamedTable> tables;
  std::string file;  // the one in use; empty: none
  std::function<void(const Error&)> tell;

  Impl(std::string name, const std::string& description, std::string file_name_of);

  // options.cpp: the table, the command line, and what is told of mistakes
  void add(Option option);
  int mistake(ExitCode code, const Error& error) const;
  int misused(const CLI::App& where, const std::string& message) const;
  int usage(const CLI::ParseError& error);
  Result<> assign(Option& option, const std::vector<std::string>& texts, const std::string& source,
                  const std::string& name = {}) const;
  Result<> from_flags();
  Option& option(const std::string& name);

  // options_sources.cpp: file and environment
  std::string find_file() const;
  Result<> from_file(bool again);
  Result<> file_entry(const FileEntry& entry, bool again);
  Result<> reload();
  Result<> table_entry(const TableKind& kind, const FileEntry& entry);
  Result<> give_tables() const;
  Result<> from_environment();
  void warn_of_near_misses() const;
};

}  // namespace joinery::config
