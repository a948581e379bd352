#include "shared/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace joinery {

void check_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "joinery: this is a mistake of ours: %s does not hold at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace joinery
