// The payload of an exec job: {"argv": [...]}, packed as the command line does.
#pragma once

#include <string>
#include <vector>

#include "shared/base/bytes.h"

namespace joinery::testing {

// At most 15 words.
Buffer exec_payload(const std::vector<std::string>& argv);

}  // namespace joinery::testing
