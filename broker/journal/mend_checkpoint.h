// Turns one flipped bit of a checkpoint back.
#pragma once

#include <optional>

#include "broker/journal/format.h"

namespace joinery::broker::journal {

// The file with that bit turned back; none if one bit does not make it whole. Of damage to more bits of one
// block about 1 in 2,000 looks like that of one bit, so it is for a repair to use, not for a start.
std::optional<Buffer> mend_checkpoint(const Format& format, const std::string& name, Bytes file);

}  // namespace joinery::broker::journal
