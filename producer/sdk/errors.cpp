#include "joinery/errors.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace joinery {

OSError::OSError(int number, const std::string& what)
    : Exception(Code::io_error, fmt::format("{}: {}", what, std::strerror(number))), number_(number) {}

BrokenPipe::BrokenPipe(const std::string& what) : OSError(EPIPE, what) {}

}  // namespace joinery
