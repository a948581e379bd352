// A handler that does nothing.
#include "worker/handlers/plugin.h"

JOINERY_PLUGIN(registry) {
  registry.add("noop", [](joinery::JobContext&, joinery::Bytes) { return joinery::Buffer(); });
}
