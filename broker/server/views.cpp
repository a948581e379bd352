#include "broker/server/views.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "broker/server/explain.h"
#include "broker/server/history.h"
#include "broker/server/queue_defaults.h"
#include "shared/protocol/messages.h"

namespace joinery::broker::server {

namespace {

using protocol::Value;

std::int64_t unix_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Value counts_value(const Counts& counts) {
  Value map = Value::map();
  map.set("parked", counts.parked);
  map.set("scheduled", counts.scheduled);
  map.set("blocked", counts.blocked);
  map.set("ready", counts.ready);
  map.set("running", counts.running);
  map.set("unfinished", counts.unfinished());
  map.set("succeeded", counts.succeeded);
  map.set("failed", counts.failed);
  map.set("cancelled", counts.cancelled);
  map.set("expired", counts.expired);
  return map;
}

Value redis_value(const RedisRunner& redis) {
  Value map = Value::map();
  map.set("mode", word(redis.mode()));
  map.set("url", redis.shown_url());
  map.set("up", redis.up());
  if (!redis.problem().empty()) map.set("problem", redis.problem());
  return map;
}

// A list leaves the dossiers out.
Value failure_value(const Failure& failure, bool listed) {
  Value map = Value::map();
  map.set("code", static_cast<std::uint16_t>(failure.code));
  map.set("word", word(failure.code));
  map.set("type", failure.type);
  map.set("message", failure.message);
  map.set("where", failure.where);
  if (!listed && !failure.dossier.empty()) map.set("dossier", Value::bin(failure.dossier));
  return map;
}

// What a job comes after: {job or batch, done}.
Value waits_value(const Waits& waits) {
  Value array = Value::array();
  for (const Waits::For& first : waits.all) {
    Value map = Value::map();
    map.set(first.batch ? "batch" : "job", first.id);
    map.set("done", first.done);
    array.push(std::move(map));
  }
  return array;
}

Value names_value(const std::vector<std::string>& names) {
  Value array = Value::array();
  for (const std::string& name : names) array.push(name);
  return array;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string hex(SessionId id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }

Value status_value(const Desk& desk) {
  Value map = Value::map();
  map.set("broker", desk.broker);
  map.set("version", JOINERY_VERSION);
  map.set("epoch", desk.core.epoch());
  map.set("uptime_ms", (desk.now.mono - desk.started_at) / std::chrono::milliseconds(1));
  map.set("endpoint", desk.endpoint);
  map.set("data_dir", desk.data_dir);
  map.set("redis", redis_value(desk.redis));
  map.set("counts", counts_value(desk.core.totals()));
  map.set("queues", desk.core.queues().size());
  map.set("workers", desk.sessions.connected(Role::worker));
  map.set("clients", desk.sessions.connected(Role::producer) + desk.sessions.connected(Role::tool));
  return map;
}

Value stats_value(const Desk& desk) {
  Value map = status_value(desk);
  const Journal::Stats stats = desk.journal.stats();
  Value journal = Value::map();
  journal.set("appended_bytes", stats.appended_bytes);
  journal.set("live_bytes", stats.live_bytes);
  journal.set("disk_bytes", stats.disk_bytes);
  journal.set("syncs", stats.syncs);
  journal.set("records", stats.records);
  journal.set("checkpoints", stats.checkpoints);
  map.set("journal", std::move(journal));
  Value memory = Value::map();
  memory.set("core_bytes", desk.core.memory_bytes());
  memory.set("rss_bytes", resident_bytes());
  map.set("memory", std::move(memory));
  Value frames = Value::map();
  frames.set("in", desk.frames_in);
  frames.set("out", desk.sessions.frames_out());
  map.set("frames", std::move(frames));
  return map;
}

Value queue_value(const QueueView& queue) {
  Value map = Value::map();
  map.set("name", queue.name);
  map.set("mode", word(queue.options.mode));
  map.set("durability", word(queue.options.durability));
  map.set("maxsize", queue.options.maxsize);
  map.set("fair", queue.options.fair);
  if (!queue.options.defaults.empty()) map.set("defaults", defaults_value(queue.options.defaults));
  map.set("history_bytes", queue.options.history_bytes);
  map.set("history_age_ms", queue.options.history_age_ms);
  Value history = Value::map();
  history.set("jobs", queue.history_jobs);
  history.set("bytes", queue.history_bytes);
  map.set("history", std::move(history));
  map.set("paused", queue.paused);
  if (queue.paused) {
    map.set("paused_by", queue.paused_by);
    map.set("pause_reason", queue.pause_reason);
    map.set("paused_since_ms", unix_ms(queue.paused_since));
  }
  map.set("counts", counts_value(queue.counts));
  return map;
}

namespace {
constexpr std::uint64_t ahead_max = 100'000;
}

Value explain_value(const Desk& desk, const JobView& job) {
  Reason reason = job.outcome ? explain_ended(desk.core, job) : explain(desk.core, desk.now, job, ahead_max);
  if (reason.text.empty())
    reason.text = job.worker.empty() ? "it is running" : fmt::format("it is running on {}", job.worker);
  Value map = Value::map();
  map.set("job", job.id);
  map.set("why", reason.word);
  map.set("text", reason.text);
  map.set("details", std::move(reason.details));
  return map;
}

Value job_value(const Desk& desk, const JobView& job, bool payload, bool listed) {
  Value map = Value::map();
  map.set("job", job.id);
  // A dead letter is still there, in the state `failed`; of any other finished job only the outcome is.
  const bool gone = job.outcome && job.state != State::failed;
  if (gone) {
    map.set("outcome", word(*job.outcome));
  } else {
    map.set("state", word(job.state));
  }
  if (!job.queue_name.empty()) map.set("queue", job.queue_name);
  if (job.attempt != 0 || !gone) map.set("attempt", job.attempt);
  if (!gone) {
    map.set("batch", job.batch);
    map.set("parent", job.parent);
    map.set("failures", job.failures);
    map.set("crashes", job.crashes);
    map.set("losses", job.losses);
    const Spec& spec = desk.core.spec(job.spec);
    map.set("handler", spec.handler);
    map.set("result_ttl_s", spec.result_ttl_s);
    map.set("priority", job.priority);
    map.set("accepted_at_ms", unix_ms(job.accepted_at));
    map.set("payload_size", job.place.size);
  }
  if (job.due) map.set("due_ms", unix_ms(*job.due));
  if (!job.worker.empty()) map.set("worker", job.worker);
  if (job.last_failure != nullptr) map.set("failure", failure_value(*job.last_failure, listed));
  if (const Progress* progress = desk.progress.find(job.token);
      progress != nullptr && job.state == State::running) {
    Value said = Value::map();
    said.set("fraction", progress->fraction);
    said.set("text", progress->text);
    map.set("progress", std::move(said));
  }
  if (!job.key.empty()) map.set("key", job.key);
  if (!job.schedule.empty()) map.set("schedule", job.schedule);
  const Reason reason = explain(desk.core, desk.now, job, listed ? 0 : ahead_max);
  if (!reason.text.empty()) map.set("reason", reason.text);
  if (job.waits != nullptr) map.set("after", waits_value(*job.waits));
  if (payload && !gone) {
    Buffer bytes;
    const auto read = desk.journal.read(job.place, bytes);
    read ? map.set("payload", Value::bin(bytes)) : map.set("payload_problem", read.error().message);
  }
  return map;
}

Value finished_value(const FinishedView& job) {
  Value map = Value::map();
  map.set("job", job.id);
  map.set("outcome", word(job.outcome));
  map.set("queue", job.queue_name);
  map.set("handler", job.handler);
  map.set("batch", job.batch);
  map.set("parent", job.parent);
  map.set("priority", job.priority);
  map.set("attempt", job.attempt);
  map.set("failures", job.failures);
  map.set("crashes", job.crashes);
  map.set("losses", job.losses);
  map.set("accepted_at_ms", unix_ms(job.accepted_at));
  map.set("ended_at_ms", unix_ms(job.ended_at));
  if (!job.key.empty()) map.set("key", job.key);
  if (job.last_failure != nullptr) map.set("failure", failure_value(*job.last_failure, true));
  return map;
}

Value batch_value(const BatchView& batch) {
  Value map = Value::map();
  map.set("batch", batch.id);
  map.set("name", batch.name);
  map.set("opened_at_ms", unix_ms(batch.opened_at));
  map.set("counts", counts_value(batch.counts));
  map.set("parent", batch.parent);
  map.set("nested", batch.nested);
  map.set("held", batch.held);
  map.set("cancelled", batch.cancelled);
  return map;
}

Value worker_value(const Desk& desk, const WorkerView& worker) {
  const Duration silent = desk.now.mono - worker.last_heard;
  Value map = Value::map();
  map.set("name", worker.info->name);
  map.set("host", worker.info->host);
  map.set("pid", worker.info->pid);
  map.set("processes", worker.info->processes);
  map.set("threads", worker.info->threads);
  map.set("queues", names_value(worker.info->queues));
  map.set("handlers", names_value(worker.info->handlers));
  map.set("capacity", worker.info->capacity);
  map.set("holds", worker.holds);
  map.set("connected", worker.connected);
  map.set("last_heard_ms", unix_ms(desk.now.wall - silent));
  map.set("succeeded", worker.succeeded);
  map.set("failed", worker.failed);
  return map;
}

}  // namespace joinery::broker::server
