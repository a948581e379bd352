// Where shared values and locks live: a Redis, a namespace in it, and who asks.
//
//   joinery::Manager manager("redis://127.0.0.1:6379", "shop");      // a Redis and a namespace
//   joinery::Manager manager = joinery::manager(client);             // those of a broker:
//   <joinery/managers.h> joinery::Manager manager = joinery::manager(job);                // in a handler:
//   <joinery/job_manager.h> joinery::Dict<std::string, int> stock(manager, "stock"); joinery::Lock
//   lock(manager, "stock");
//
// Every program that names the same Redis, namespace and object shares the object.
//
// Threads: a Manager may be copied and used in any thread. Managers of one process with the same Redis and
// namespace share connections (one per call under way) and one thread, which renews leases and notices the
// death of processes of this host.
//
// A process that fork()s must make its Managers (and what it makes with them) in the child: one made before
// the fork throws invalid_state there.
//
// Errors: joinery::Exception with a code of shared/base/error.h. While Redis is away each call tries for
// options.timeout to reach it, then throws redis_unreachable; the next call tries again, so that work goes on
// when it is back. A change whose connection was lost under way may or may not have been done; what can be
// repeated without harm (reads, locks) is repeated.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "shared/redis/redis.h"

namespace joinery {

namespace manager_detail {
class Core;
}

struct ManagerOptions {
  // For a connection and for an answer of Redis.
  std::chrono::milliseconds timeout{10'000};
  // Who owns the locks. Empty: this process. A job's delivery (job_owner) in handlers.
  std::string owner{};
};

class Manager {
 public:
  // The namespace: 1 to 255 printable characters without braces and spaces. That of a broker is its id in
  // hex.
  Manager(redis::Url url, std::string name_space, ManagerOptions options = {});
  // A URL as in the configuration: redis://... or unix://... Throws invalid_argument.
  Manager(std::string_view redis_url, std::string name_space, ManagerOptions options = {});

  // The same Redis for another owner.
  Manager owned_by(std::string owner) const;
  const std::string& owner() const { return owner_; }
  const std::string& name_space() const;
  // "joinery:{NAMESPACE}:", with which every key begins. The braces keep the keys of a namespace in one slot
  // of a cluster.
  const std::string& key_prefix() const;

  // For the libraries of locks and values.
  manager_detail::Core& core() const { return *core_; }

 private:
  std::shared_ptr<manager_detail::Core> core_;
  std::string owner_;
};

// "joinery:{NAMESPACE}:"
std::string key_prefix(std::string_view name_space);

}  // namespace joinery
