// What is held and who waits, for `joinery lock ls`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/error.h"
#include "shared/redis/redis.h"

namespace joinery::locks {

// A holder or one who waits; owners are described in shared/manager/owner.h.
struct Party {
  std::string owner;
  std::string process;
  std::uint64_t token = 0;         // of a holder
  std::int64_t since_ms = 0;       // of a holder: Unix milliseconds
  std::int64_t lease_left_ms = 0;  // for how long it is believed, if it is not heard again
};

struct GateState {
  std::string kind;  // lock, semaphore, event, condition, barrier
  std::string name;
  std::int64_t permits = 0;  // of a lock or semaphore, held or free
  std::vector<Party> holders;
  std::vector<Party> waiters;  // the first in line first
};

// By kind and name. Errors: redis_unreachable.
Result<std::vector<GateState>> list(redis::Client& redis, std::string_view name_space);

}  // namespace joinery::locks
