// A Manager of shared values and locks for a client's broker: its Redis, and the namespace that it shares
// with its workers.
#pragma once

#include <joinery/client.h>
#include <joinery/manager.h>
#include "shared/base/exceptions.h"

namespace joinery {

// Waits for the welcome. Throws ClientError (broker_unreachable), or Exception redis_unreachable if the
// broker has no Redis.
inline Manager manager(Client& client, ManagerOptions options = {}) {
  const std::string url = client.redis_url();
  if (url.empty()) throw Exception(Code::redis_unreachable, "the broker has no Redis");
  return Manager(url, to_hex(client.broker_id()), std::move(options));
}

}  // namespace joinery
