// libFuzzer's entry for one target (FUZZ_TARGET). Without a corpus it begins with the inputs of the tests:
// the first run in a directory writes them there.
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  joinery::fuzz::FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
