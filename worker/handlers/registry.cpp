#include "worker/handlers/registry.h"

namespace joinery::handlers {

void Registry::add(std::string name, Handler handler) {
  if (auto valid = validate_name(name, "handler"); !valid) throw std::invalid_argument(valid.error().message);
  if (!handler) throw std::invalid_argument("handler \"" + name + "\" is an empty function");
  const auto [at, added] = handlers_.try_emplace(std::move(name), std::move(handler));
  if (!added) throw std::invalid_argument("handler \"" + at->first + "\" is there twice");
}

void Registry::initialize(std::function<void()> call) { initializers_.push_back(std::move(call)); }

const Handler* Registry::find(std::string_view name) const {
  const auto at = handlers_.find(name);
  return at == handlers_.end() ? nullptr : &at->second;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, handler] : handlers_) names.push_back(name);
  return names;
}

void Registry::run_initializers() const {
  for (const auto& call : initializers_) call();
}

}  // namespace joinery::handlers
