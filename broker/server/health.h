// joinery-broker --health: asks a running broker for its status, as any tool would.
#pragma once

#include <string>

#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery::broker::server {

// Nothing if it answers within the limit. Errors: broker_unreachable, and what the broker answers.
Result<> ask_health(const std::string& endpoint, Duration limit);

}  // namespace joinery::broker::server
