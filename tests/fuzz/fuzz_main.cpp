// libFuzzer's entry.
#include <cstddef>
#include <cstdint>

#include "decoders.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  joinery::fuzz::feed({reinterpret_cast<const char*>(data), size});
  return 0;
}
