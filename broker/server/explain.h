// Why is this job not running? The core's own reasons in words.
#pragma once

#include <string>

#include "broker/core/core.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

struct Reason {
  std::string_view word;  // docs/protocol.md lists them
  std::string text;       // one short sentence; empty: it runs, or has an outcome other than a dead letter's
  protocol::Value details = protocol::Value::map();
};
// `ahead_max`: up to so many jobs that go before it are counted; 0: not at all.
Reason explain(const Core& core, Now now, const JobView& job, std::uint64_t ahead_max);
// What became of one that has its outcome: when, and by what.
Reason explain_ended(const Core& core, const JobView& job);

}  // namespace joinery::broker::server
