#include "worker/handlers/measuring.h"

#include <chrono>

#include "shared/protocol/pack.h"

namespace joinery::handlers {

void add_measuring(Registry& registry) {
  registry.add("noop", [](JobContext&, Bytes) { return Buffer(); });
  registry.add("clock", [](JobContext&, Bytes) {
    return pack_value(static_cast<std::int64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  });
}

}  // namespace joinery::handlers
