// A Manager of shared values and locks in a handler: the broker's Redis and namespace, with this delivery as
// the owner, so that its locks are free at once if its process dies.
//
//   worker.handle("buy", [](joinery::JobContext& job, std::string article) {
//     const auto manager = joinery::manager(job);
//     joinery::Lock lock(manager, "stock");
//     joinery::Dict<std::string, int> stock(manager, "stock");
//     const std::lock_guard guard(lock);
//     stock.set(article, stock.get(article) - 1, lock.fence());
//   });
//
// Locks belong to the handler's call: let guards give them back. The delivery's own fence
// (job.token().fence()) can guard writes of values that only this job writes.
#pragma once

#include <joinery/manager.h>
#include "worker/handlers/registry.h"

namespace joinery {

// Throws Exception redis_unreachable if the broker has no Redis. Cheap: a pool process keeps its connections.
Manager manager(const JobContext& job, ManagerOptions options = {});

}  // namespace joinery
