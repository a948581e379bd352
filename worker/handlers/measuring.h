// Handlers that are for measuring (`joinery bench`): "noop" does nothing, "clock" returns when it began, as
// nanoseconds of the monotonic clock of its host.
#pragma once

#include "worker/handlers/registry.h"

namespace joinery::handlers {

// Throws std::invalid_argument if a name is taken.
void add_measuring(Registry& registry);

}  // namespace joinery::handlers
