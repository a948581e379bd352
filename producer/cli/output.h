// What a command prints: tables and lines for people, JSON for programs; errors and notes on stderr.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "producer/cli/json.h"
#include "producer/cli/option_names.h"
#include "shared/base/error.h"

namespace joinery::cli {

struct Table {
  // A heading that begins with '>' is of a column of numbers, which stands to the right.
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;
};

class Output {
 public:
  explicit Output(bool json, std::FILE* out = stdout, std::FILE* err = stderr);

  bool json() const { return json_; }
  // Whether a person looks on: stderr is a terminal, and the output is not --json.
  bool watched() const { return watched_; }
  std::size_t columns() const { return columns_; }  // of the terminal; 0: it is none
  void line(std::string_view text);
  void raw(Bytes bytes);  // to stdout as it is
  void raw_error(Bytes bytes);
  void value(const Json& value);  // one line
  // Aligned; the last column is cut to the terminal's width. `empty` is said instead of a table without rows.
  void table(const Table& table, std::string_view empty = {});
  // Names and values below each other.
  void pairs(const std::vector<std::pair<std::string, std::string>>& pairs);
  // "joinery: text" on stderr; with --json {"note": text}.
  void note(std::string_view text);
  // By the names of the options of this command, once it is known which they are.
  void error(const Error& error);
  void has_options(HasOption has) { has_option_ = std::move(has); }
  void flush();

 private:
  bool json_;
  bool watched_;
  std::size_t columns_ = 0;  // of the terminal; 0: none
  HasOption has_option_ = [](std::string_view) { return false; };
  std::FILE* out_;
  std::FILE* err_;
};

std::string render(const Table& table, std::size_t columns);
Json error_json(const Error& error);

}  // namespace joinery::cli
