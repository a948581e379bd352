// What an exception that left a handler says about the job.
#pragma once

#include <exception>
#include <string>
#include <typeinfo>

#include "shared/job/job.h"

namespace joinery::handlers {

struct Described {
  Failure failure;
  bool retry = true;
  Buffer value;  // kept beside the failure; empty: none
};

// Describes the exception being handled: REQUIRES a catch block around the call. Leaves `where` empty.
Described describe_current_exception();

std::string demangled(const std::type_info& type);

}  // namespace joinery::handlers
