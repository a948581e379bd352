// CRC32C (Castagnoli), by the processor's instruction where there is one.
#pragma once

#include <cstdint>

#include "shared/base/bytes.h"

namespace joinery::broker::journal {

// Checksum of what `crc` is the checksum of, followed by `data`. Starts at 0.
std::uint32_t crc32c_extend(std::uint32_t crc, Bytes data);

inline std::uint32_t crc32c(Bytes data) { return crc32c_extend(0, data); }

}  // namespace joinery::broker::journal
