// The Directory of storage.h on a file system.
#pragma once

#include <memory>
#include <string>

#include "broker/journal/storage.h"

namespace joinery::broker::journal {

// Opens the directory, and makes it (not its parents) if it is not there.
Result<std::unique_ptr<Directory>> open_directory(const std::string& path);

}  // namespace joinery::broker::journal
