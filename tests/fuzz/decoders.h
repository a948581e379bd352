// What every decoder must stand, whatever it is given.
#pragma once

#include <vector>

#include "shared/base/bytes.h"

namespace joinery::fuzz {

// Gives the bytes to each decoder of shared/protocol. A decoder may refuse them; what it takes must come back
// the same when it is written and read again. Ends the process (JOINERY_CHECK) where that does not hold.
void feed(Bytes bytes);

// Valid frames and pool messages, one of each.
std::vector<Buffer> corpus();

}  // namespace joinery::fuzz
