// Calls of the scripts, with their one key, and what goes wrong as exceptions.
#pragma once

#include <initializer_list>

#include "shared/manager/core.h"
#include "shared/redis/redis.h"

namespace joinery::locks {

using manager_detail::Repeat;

// Throws Exception: redis_unreachable, or internal with the words of Redis if it answers with an error.
redis::Value call(const Manager& manager, const redis::Script& script, std::initializer_list<Bytes> arguments,
                  Repeat repeat);
// Throws ValueError.
void check_name(std::string_view name);

}  // namespace joinery::locks
