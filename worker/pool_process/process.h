// What a pool process does to the process that it is: signals, descriptors, its end with the supervisor.
#pragma once

#include "shared/base/error.h"
#include "shared/protocol/board.h"

namespace joinery::pool_process {

// Must be called before other threads are started. Error: `socket` is not a socket.
Result<> take_over_process(int socket, int board);

// The board behind the descriptor, or one of the process's own if there is none.
pool::Board& map_board(int descriptor, bool& shared);

// Ends the process and, if it leads its group, everything that handlers started in it: a supervisor that dies
// leaves no orphans.
[[noreturn]] void end_with_supervisor();

}  // namespace joinery::pool_process
