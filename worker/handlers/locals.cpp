#include "worker/handlers/locals.h"

#include <stdexcept>

#include "worker/handlers/failure.h"

namespace joinery::handlers {

Locals& Locals::here() {
  thread_local Locals mine;
  return mine;
}

void* Locals::get(const std::type_info& type) const {
  const auto found = objects_.find(type);
  if (found == objects_.end()) {
    throw std::logic_error("no worker-local object of type " + demangled(type) +
                           " was made: expected a local() for it before the first job");
  }
  return found->second.get();
}

}  // namespace joinery::handlers
