#include "worker/handlers/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <exception>

namespace joinery::handlers {
namespace {

std::unexpected<Error> wrong(const std::string& file, std::string_view what) {
  return fail(Code::invalid_config, fmt::format("plug-in {}: {}", file, what), "plugin");
}

std::string loader_error() {
  const char* error = dlerror();
  return error ? error : "unknown error";
}

}  // namespace

Result<> load_plugin(const std::string& file, Registry& registry) {
  // With a slash, so that the file is meant and no library of that name elsewhere.
  const std::string path = file.find('/') == std::string::npos ? "./" + file : file;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return wrong(file, loader_error());

  const auto abi = reinterpret_cast<unsigned (*)()>(dlsym(library, "joinery_plugin_abi"));
  const auto plugin = reinterpret_cast<void (*)(Registry&)>(dlsym(library, "joinery_plugin"));
  if (!abi || !plugin) {
    return wrong(file, fmt::format("it has no function {}, expected one made with JOINERY_PLUGIN",
                                   abi ? "joinery_plugin" : "joinery_plugin_abi"));
  }
  if (abi() != plugin_abi) {
    return wrong(file, fmt::format("it was built for plug-in interface {}, expected {}", abi(), plugin_abi));
  }
  try {
    plugin(registry);
  } catch (const std::exception& error) {
    return wrong(file, error.what());
  }
  return {};
}

}  // namespace joinery::handlers
