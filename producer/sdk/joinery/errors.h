// The exceptions of queues, by the names that Python gives them: beside those of shared/base/exceptions.h.
// What the broker or the connection to it says is ClientError (<joinery/client.h>).
#pragma once

#include <string>
#include <utility>

#include "shared/base/exceptions.h"

namespace joinery {

// A put found no room in time.
class Full : public Exception {
 public:
  explicit Full(std::string message) : Exception(Code::queue_full, std::move(message)) {}
};

// A get found no item in time.
class Empty : public Exception {
 public:
  explicit Empty(std::string message) : Exception(Code::timed_out, std::move(message)) {}
};

}  // namespace joinery
