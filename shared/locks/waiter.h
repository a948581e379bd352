// One who waits: asleep in Redis (BLPOP on a list of its own) until it is told something.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <joinery/locks.h>
#include "shared/base/time.h"
#include "shared/manager/core.h"

namespace joinery::locks {

// When a timeout that begins now ends.
Mono deadline_of(const Timeout& timeout);

class Waiter {
 public:
  explicit Waiter(const Manager& manager);
  const std::string& id() const { return id_; }

  enum class Wake { told, nothing, lost };  // lost: the connection was, and perhaps a word with it
  // For `period` at most, and not beyond `deadline`.
  Wake sleep(Duration period, Mono deadline);
  const std::string& word() const { return word_; }  // what it was told

 private:
  const Manager& manager_;
  std::string id_;
  std::string key_;
  std::string word_;
};

// Lets the library's thread watch these owners, if they are processes of this host: what a dead one holds is
// given back at once.
void watch_owners(const Manager& manager, std::span<const redis::Value> owners);

}  // namespace joinery::locks
