// Pictures of the core as maps of the wire: a queue, a job, a batch, a worker, the broker as a whole.
#pragma once

#include <string>

#include "broker/core/core.h"
#include "broker/journal/journal.h"
#include "broker/server/follow.h"
#include "broker/server/progress.h"
#include "broker/server/redis_runner.h"
#include "broker/server/sessions.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

class Scheduler;

// What verbs may look at.
struct Desk {
  Core& core;
  Journal& journal;
  const Sessions& sessions;
  const RedisRunner& redis;
  const ProgressBook& progress;
  FollowBook& follows;
  Scheduler& scheduler;
  // Of this life of the broker.
  std::string broker;  // hex id of the data directory
  std::string endpoint;
  std::string data_dir;
  QueueOptions queue_defaults;
  Mono started_at{};
  // Of this turn.
  Now now{};
  std::uint64_t frames_in = 0;
};

protocol::Value status_value(const Desk& desk);
protocol::Value stats_value(const Desk& desk);
protocol::Value queue_value(const QueueView& queue);
// `payload`: with its payload, if it can be read. `listed`: one of many, so that nothing is counted for it.
protocol::Value job_value(const Desk& desk, const JobView& job, bool payload, bool listed = false);
// Why it does not run: {job, why, text, ...}.
protocol::Value explain_value(const Desk& desk, const JobView& job);
protocol::Value batch_value(const BatchView& batch);
protocol::Value worker_value(const Desk& desk, const WorkerView& worker);

std::string hex(SessionId id);

}  // namespace joinery::broker::server
