// A TOML file as a flat list of keys with the line each came from. Keeps the TOML library to one file.
#pragma once

#include <string>
#include <vector>

#include "shared/base/error.h"

namespace joinery::config {

struct FileEntry {
  std::vector<std::string> path;    // {"queue", "mail", "mode"}
  std::vector<std::string> values;  // one, or those of an array
  unsigned line = 0;
  bool is_table = false;  // [queue.mail] itself, which may be empty

  std::string name() const;  // "queue.mail.mode"
};

// In the order of the file's lines. Errors: invalid_config with "file:line: what is wrong".
Result<std::vector<FileEntry>> read_toml(const std::string& file);

}  // namespace joinery::config
