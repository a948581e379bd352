// Messages to frames: one function per message, in the order of messages.h.
#include <array>

#include "shared/protocol/codec.h"
#include "shared/protocol/parts.h"

namespace joinery::protocol {
namespace {

void begin(Writer& out, Type type, std::size_t fields) {
  out.array(1 + fields);
  out.u64(static_cast<std::uint64_t>(type));
}

void put(Writer& out, const SessionId& id) {
  std::array<char, 16> bytes;
  for (unsigned i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(id.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<char>(id.low >> (56 - 8 * i));
  }
  out.bin(Bytes(bytes.data(), bytes.size()));
}

void text(Writer& out, const char* key, Bytes value) {
  out.str(key);
  out.str(value);
}

void number(Writer& out, const char* key, std::uint64_t value) {
  out.str(key);
  out.u64(value);
}

void put(Writer& out, const Hello& hello) {
  const bool worker = hello.role == Role::worker;
  begin(out, Type::hello, 4);
  out.u64(hello.version);
  out.u64(static_cast<std::uint64_t>(hello.role));
  put(out, hello.session);
  out.map(worker ? std::size_t{10} + !hello.weights.empty() : 4);
  text(out, "name", hello.name);
  text(out, "host", hello.host);
  number(out, "pid", hello.pid);
  text(out, "software", hello.software);
  if (!worker) return;
  number(out, "processes", hello.processes);
  number(out, "threads", hello.threads);
  number(out, "capacity", hello.capacity);
  out.str("queues");
  protocol::put(out, hello.queues);
  out.str("handlers");
  protocol::put(out, hello.handlers);
  out.str("held");
  protocol::put(out, hello.held);
  if (hello.weights.empty()) return;
  out.str("weights");
  out.array(hello.weights.size());
  for (const std::uint32_t weight : hello.weights) out.u64(weight);
}

void put(Writer& out, const Welcome& welcome) {
  begin(out, Type::welcome, 6);
  out.u64(welcome.version);
  out.u64(welcome.epoch);
  put(out, welcome.broker);
  out.boolean(welcome.resumed);
  out.u64(welcome.last_sequence);
  out.map(5);
  text(out, "redis_url", welcome.redis_url);
  number(out, "heartbeat_ms", welcome.heartbeat_ms);
  number(out, "lease_ms", welcome.lease_ms);
  number(out, "frame_max", welcome.frame_max);
  number(out, "payload_max", welcome.payload_max);
}

void put_error(Writer& out, const Error& error) {
  out.u64(static_cast<std::uint64_t>(error.code));
  out.str(error.message);
  out.str(error.field);
}

void put(Writer& out, const ErrorMessage& message) {
  begin(out, Type::error, 4);
  out.u64(message.sequence);
  put_error(out, message.error);
}

void put(Writer& out, const Heartbeat&) { begin(out, Type::heartbeat, 0); }

void put(Writer& out, const Goodbye& goodbye) {
  begin(out, Type::goodbye, 1);
  out.str(goodbye.reason);
}

void put(Writer& out, const Submit& submit) {
  begin(out, Type::submit, 4);
  out.u64(submit.sequence);
  out.u64(submit.confirmed);
  const bool under = submit.under != Token{};
  out.map(std::size_t{!submit.park} + submit.timeout_ms.has_value() + submit.watch + under +
          submit.flow.has_value());
  if (!submit.park) text(out, "when_full", "refuse");
  if (submit.timeout_ms) number(out, "timeout_ms", *submit.timeout_ms);
  if (submit.watch) {
    out.str("watch");
    out.boolean(true);
  }
  if (under) {
    out.str("under");
    protocol::put(out, submit.under);
  }
  if (submit.flow) text(out, "flow", *submit.flow);
  protocol::put(out, submit.groups);
}

void put(Writer& out, const Accepted& accepted) {
  begin(out, Type::accepted, accepted.batch == 0 ? 2 : 3);
  out.u64(accepted.sequence);
  out.array(accepted.groups.size());
  for (const GroupAccepted& group : accepted.groups) {
    if (group.error) {
      out.array(4);
      out.u64(1);
      put_error(out, *group.error);
      continue;
    }
    out.array(5);
    out.u64(0);
    out.u64(group.first);
    out.u64(group.count);
    out.u64(static_cast<std::uint64_t>(group.level));
    out.boolean(group.no_handler);
  }
  if (accepted.batch != 0) out.u64(accepted.batch);
}

void put(Writer& out, const Capacity& capacity) {
  begin(out, Type::capacity, 1);
  out.u64(capacity.deliveries);
}

void put(Writer& out, const Dispatch& dispatch) {
  DispatchWriter writer;
  writer.begin(out.buffer(), static_cast<std::uint32_t>(dispatch.groups.size()));
  for (const DispatchGroup& group : dispatch.groups) {
    writer.begin_group(group.queue, group.spec, group.epoch, static_cast<std::uint32_t>(group.jobs.size()));
    for (const DispatchedJob& job : group.jobs) {
      writer.begin_job(job.job, job.attempt, job.batch, job.parent,
                       static_cast<std::uint32_t>(job.payload.size()), !job.inputs.empty());
      writer.frame().append(job.payload);
      writer.frame().append(job.inputs);
    }
  }
}

void put(Writer& out, const Finish& finish) {
  begin(out, Type::finish, 4);
  out.u64(finish.sequence);
  out.array(finish.succeeded.size());
  for (const RunOf& run : finish.succeeded) {
    out.array(4);
    out.u64(run.first);
    out.u64(run.count);
    out.u64(run.attempt);
    out.u64(run.epoch);
  }
  out.array(finish.reports.size());
  for (const Report& report : finish.reports) {
    out.array(4);
    out.u64(static_cast<std::uint64_t>(report.kind));
    protocol::put(out, report.token);
    protocol::put(out, report.failure);
    protocol::put(out, report.children);
  }
  out.array(finish.results.size());
  for (const InlineResult& result : finish.results) {
    out.array(2);
    out.u64(result.job);
    out.bin(result.value);
  }
}

void put(Writer& out, const Acked& acked) {
  begin(out, Type::acked, 2);
  out.u64(acked.sequence);
  protocol::put(out, acked.refused);
}

void put(Writer& out, const Revoke& revoke) {
  begin(out, Type::revoke, 3);
  protocol::put(out, revoke.tokens);
  out.u64(static_cast<std::uint64_t>(revoke.reason));
  out.u64(revoke.grace_ms);
}

void put(Writer& out, const Progress& progress) {
  begin(out, Type::progress, 3);
  protocol::put(out, progress.token);
  out.f64(progress.fraction);
  out.str(progress.text);
}

void put(Writer& out, const Hold& hold) {
  begin(out, Type::hold, 3);
  protocol::put(out, hold.token);
  protocol::put(out, hold.hold);
}

void put(Writer& out, const Follow& follow) {
  begin(out, Type::follow, 2);
  protocol::put(out, follow.tokens);
  out.boolean(follow.on);
}

void put(Writer& out, const Log& log) {
  begin(out, Type::log, 3);
  protocol::put(out, log.token);
  out.u64(log.dropped);
  out.array(log.lines.size());
  for (const LogLine& line : log.lines) {
    out.array(3);
    out.i64(line.at_ms);
    out.str(line.level);
    out.str(line.text);
  }
}

void put(Writer& out, const Join& join) {
  begin(out, Type::join, 2);
  out.u64(join.request);
  out.map(1);
  if (!join.queue.empty()) return text(out, "queue", join.queue);
  if (join.batch != 0) return number(out, "batch", join.batch);
  out.str("jobs");
  protocol::put(out, join.jobs);
}

void put(Writer& out, const Joined& joined) {
  const Counts& counts = joined.counts;
  begin(out, Type::joined, 2);
  out.u64(joined.request);
  out.map(9);
  number(out, "parked", counts.parked);
  number(out, "scheduled", counts.scheduled);
  number(out, "blocked", counts.blocked);
  number(out, "ready", counts.ready);
  number(out, "running", counts.running);
  number(out, "succeeded", counts.succeeded);
  number(out, "failed", counts.failed);
  number(out, "cancelled", counts.cancelled);
  number(out, "expired", counts.expired);
}

void put(Writer& out, const Watch& watch) {
  begin(out, Type::watch, 2);
  out.u64(watch.request);
  protocol::put(out, watch.jobs);
}

void put(Writer& out, const Outcomes& outcomes) {
  begin(out, Type::outcomes, 1);
  out.array(outcomes.jobs.size());
  for (const JobOutcome& job : outcomes.jobs) {
    out.array(6);
    out.u64(job.job);
    if (job.known) {
      out.u64(static_cast<std::uint64_t>(job.outcome));
    } else {
      out.nil();
    }
    out.u64(job.attempt);
    out.u64(job.epoch);
    protocol::put(out, job.failure);
    if (job.result) {
      out.bin(*job.result);
    } else {
      out.nil();
    }
  }
}

void put(Writer& out, const Forget& forget) {
  begin(out, Type::forget, 1);
  out.u64(forget.request);
}

// An empty view stands for the empty map.
void put_map(Writer& out, Bytes raw) { raw.empty() ? out.map(0) : out.raw(raw); }

void put(Writer& out, const Request& request) {
  begin(out, Type::request, 4);
  out.u64(request.sequence);
  out.u64(request.confirmed);
  out.str(request.verb);
  put_map(out, request.arguments);
}

void put(Writer& out, const Reply& reply) {
  begin(out, Type::reply, 2);
  out.u64(reply.sequence);
  put_map(out, reply.result);
}

template <typename M>
void encode_one(const M& message, Buffer& frame) {
  Writer out(frame);
  put(out, message);
}

}  // namespace

void encode(const Message& message, Buffer& frame) {
  std::visit([&frame](const auto& one) { encode_one(one, frame); }, message);
}
void encode(const Submit& submit, Buffer& frame) { encode_one(submit, frame); }
void encode(const Accepted& accepted, Buffer& frame) { encode_one(accepted, frame); }
void encode(const Finish& finish, Buffer& frame) { encode_one(finish, frame); }
void encode(const Acked& acked, Buffer& frame) { encode_one(acked, frame); }
void encode(const Outcomes& outcomes, Buffer& frame) { encode_one(outcomes, frame); }

void DispatchWriter::begin(Buffer& frame, std::uint32_t groups) {
  frame_ = &frame;
  Writer out(frame);
  out.array(2);
  out.u64(static_cast<std::uint64_t>(Type::dispatch));
  out.array(groups);
}

void DispatchWriter::begin_group(Bytes queue, Bytes raw_spec, std::uint32_t epoch, std::uint32_t jobs) {
  Writer out(*frame_);
  out.array(4);
  out.str(queue);
  put_map(out, raw_spec);
  out.u64(epoch);
  out.array(jobs);
}

void DispatchWriter::begin_job(JobId job, std::uint32_t attempt, BatchId batch, JobId parent,
                               std::uint32_t payload_size, bool has_inputs) {
  char head[1 + 5 * 9];  // written in one piece: this runs once per job
  char* p = head;
  *p++ = static_cast<char>(has_inputs ? 0x96 : 0x95);
  p = pack::u64(p, job);
  p = pack::u64(p, attempt);
  p = pack::u64(p, batch);
  p = pack::u64(p, parent);
  p = pack::bin_head(p, payload_size);
  frame_->append(head, static_cast<std::size_t>(p - head));
}

void DispatchWriter::inputs(std::span<const JobId> jobs) {
  Writer out(*frame_);
  out.array(jobs.size());
  for (JobId job : jobs) out.u64(job);
}

}  // namespace joinery::protocol
