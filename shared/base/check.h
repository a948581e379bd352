// Assertions that stay on in production: a failed one is a mistake of ours, and the process stops before it
// can do harm.
#pragma once

namespace joinery {

// Prints `what`, file and line to stderr and ends the process by SIGABRT, so that a core is left.
[[noreturn]] void check_failed(const char* what, const char* file, int line) noexcept;

}  // namespace joinery

// One fact per check.
#define JOINERY_CHECK(fact) \
  (static_cast<bool>(fact) ? static_cast<void>(0) : ::joinery::check_failed(#fact, __FILE__, __LINE__))
