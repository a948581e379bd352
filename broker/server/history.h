// The verbs on jobs that have ended: job.finished lists them, queue.forget forgets them.
#pragma once

#include "broker/server/views.h"

namespace joinery::broker::server {

Result<protocol::Value> finished_list(const Desk& desk, const protocol::Value& given);
Result<PurgeHistory> forget_of(const Desk& desk, const protocol::Value& given);
protocol::Value finished_value(const FinishedView& job);

}  // namespace joinery::broker::server
