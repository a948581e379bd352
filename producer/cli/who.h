// Who pauses or cancels something, for those who ask.
#pragma once

#include <string>

namespace joinery::cli {

std::string user_and_host();  // "ann@box"

}  // namespace joinery::cli
