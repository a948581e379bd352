// Handlers from a shared object.
//
//   #include <joinery/plugin.h>
//   JOINERY_PLUGIN(registry) {
//     registry.add("add", joinery::handlers::typed([](int a, int b) { return a + b; }));
//   }
//
// A plug-in is built with the compiler and the headers of the program that loads it.
#pragma once

#include <string>

#include "shared/base/error.h"
#include "worker/handlers/registry.h"

namespace joinery::handlers {

// Changes whenever JobContext, Registry or Handler do.
constexpr unsigned plugin_abi = 2;

// Loads the file for the rest of the process's life and lets it add its handlers. Errors: invalid_config,
// saying what is wrong with the file.
Result<> load_plugin(const std::string& file, Registry& registry);

}  // namespace joinery::handlers

#define JOINERY_PLUGIN(registry)                                                     \
  extern "C" unsigned joinery_plugin_abi() { return joinery::handlers::plugin_abi; } \
  extern "C" void joinery_plugin(joinery::handlers::Registry&(registry))
