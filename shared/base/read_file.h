// The whole of a file, or why it cannot be had. Streams would not say: one of a directory opens, and throws
// when it is read.
#pragma once

#include <string>

#include "shared/base/error.h"

namespace joinery {

// Error: io_error, which names the file.
Result<std::string> read_file(const std::string& path);
// The rest of a descriptor; `name` is for the error.
Result<std::string> read_descriptor(int fd, const std::string& name);

}  // namespace joinery
