// Frees what a dead owner held: for supervisors, brokers and whoever else knows of a death.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "shared/base/error.h"
#include "shared/redis/redis.h"

namespace joinery::locks {

// Gives back all that `owner` (Manager::owner(): a process, a delivery) holds, and takes it out of every
// line; whoever is next is woken. How many acquisitions it held. Harmless to repeat. Errors:
// redis_unreachable.
Result<std::uint64_t> release_owner(redis::Client& redis, std::string_view name_space,
                                    std::string_view owner);
// The same for an event loop; `done` comes from redis.process().
void release_owner(redis::Pipeline& redis, std::string_view name_space, std::string_view owner,
                   std::function<void(Result<std::uint64_t>)> done);

}  // namespace joinery::locks
