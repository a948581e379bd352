// Counts what the program allocates. (Apart from its users, because g++ takes a replaced operator new that it
// can inline for a mismatch.)
#pragma once

#include <cstddef>

namespace joinery::tests {

std::size_t allocations();

}  // namespace joinery::tests
