// The verbs of `request`: one table. Each reads its arguments, asks the core one thing, and formats the
// answer; docs/protocol.md lists them (a test compares the two).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/server/outgoing.h"
#include "broker/server/transactor.h"
#include "broker/server/views.h"
#include "shared/protocol/messages.h"

namespace joinery::broker::server {

class Verbs {
 public:
  Verbs(Desk& desk, Transactor& transactor) : desk_(desk), transactor_(transactor) {}

  // The result of a question. A change goes through the core, which answers it (Done or Refused): none here.
  Result<std::optional<protocol::Value>> request(const Session& session, const protocol::Request& request);

  static std::vector<std::string_view> names();

 private:
  Desk& desk_;
  Transactor& transactor_;
};

}  // namespace joinery::broker::server
