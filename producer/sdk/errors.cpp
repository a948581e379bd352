#include "joinery/errors.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace joinery {

OSError::OSError(int number, const std::string& what)
    : runtime_error(fmt::format("{}: {}", what, std::strerror(number))), number_(number) {}

Closed::Closed(const std::string& what) : OSError(EBADF, what) {}

BrokenPipe::BrokenPipe(const std::string& what) : OSError(EPIPE, what) {}

}  // namespace joinery
