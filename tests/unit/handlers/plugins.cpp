// Three plug-ins for plugin_test, chosen by macro: a good one, one of another interface, and one that is
// none.
#include "worker/handlers/plugin.h"

#if defined(GOOD)
JOINERY_PLUGIN(registry) {
  registry.add("plugged", joinery::handlers::typed([](int n) { return n + 1; }));
}
#elif defined(OLD)
extern "C" unsigned joinery_plugin_abi() { return 999; }
extern "C" void joinery_plugin(joinery::handlers::Registry&) {}
#endif
