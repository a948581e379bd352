#include "shared/protocol/pool.h"

#include <fmt/format.h>

#include "shared/protocol/parts.h"

namespace joinery::pool {
namespace {

namespace pack = protocol::pack;
using protocol::Reader;
using protocol::Writer;

void begin(Writer& out, Type type, std::size_t fields) {
  out.array(1 + fields);
  out.u64(static_cast<std::uint64_t>(type));
}

void text(Writer& out, const char* key, Bytes value) {
  if (value.empty()) return;
  out.str(key);
  out.str(value);
}

void put(Writer& out, const Ready& ready) {
  begin(out, Type::ready, 3);
  out.u64(ready.version);
  protocol::put(out, ready.handlers);
  out.boolean(ready.board);
}

void put(Writer& out, const Run& run) {
  const RunInfo& info = run.info;
  begin(out, Type::run, 3);
  out.str(run.handler);
  out.map(std::size_t{!info.queue.empty()} + !info.content_type.empty() + (info.soft_timeout_ms != 0) +
          !info.trace.empty() + info.keep_result);
  text(out, "queue", info.queue);
  text(out, "content_type", info.content_type);
  if (info.soft_timeout_ms != 0) {
    out.str("soft_timeout_ms");
    out.u64(info.soft_timeout_ms);
  }
  text(out, "trace", info.trace);
  if (info.keep_result) {
    out.str("keep_result");
    out.boolean(true);
  }
  out.array(run.jobs.size());
  for (const RunJob& job : run.jobs) {
    char head[1 + 5 * 9];  // written in one piece: this runs once per job
    char* p = head;
    *p++ = static_cast<char>(job.inputs.empty() ? 0x95 : 0x96);
    p = pack::u64(p, job.token.job);
    p = pack::u64(p, job.token.attempt);
    p = pack::u64(p, job.token.epoch);
    p = pack::u64(p, job.batch);
    p = pack::bin_head(p, job.payload.size());
    out.raw(Bytes(head, static_cast<std::size_t>(p - head)));
    out.raw(job.payload);
    if (!job.inputs.empty()) out.raw(job.inputs);
  }
}

void put_failed(Writer& out, const Done::One& one) {
  const Failure& failure = one.failure;
  out.array(one.result.empty() ? 3 : 4);
  out.u64(one.job);
  out.u64(1);
  out.map(std::size_t{2} + !failure.type.empty() + !failure.message.empty() + !failure.where.empty());
  text(out, "type", failure.type);
  text(out, "message", failure.message);
  text(out, "where", failure.where);
  out.str("retry");
  out.boolean(one.retry);
  out.str("code");
  out.u64(static_cast<std::uint64_t>(failure.code));
  if (!one.result.empty()) out.bin(one.result);
}

void put(Writer& out, const Done& done) {
  begin(out, Type::done, 1);
  out.array(done.outcomes.size());
  for (const Done::One& one : done.outcomes) {
    if (!one.ok) {
      put_failed(out, one);
    } else if (one.result.empty() && one.children.empty()) {
      out.u64(one.job);
    } else {
      out.array(one.children.empty() ? 3 : 4);
      out.u64(one.job);
      out.u64(0);
      out.bin(one.result);
      if (!one.children.empty()) protocol::put(out, one.children);
    }
  }
}

void put(Writer& out, const Progress& progress) {
  begin(out, Type::progress, 3);
  out.u64(progress.job);
  out.f64(progress.fraction);
  out.str(progress.text);
}

void put(Writer& out, const Log& log) {
  begin(out, Type::log, 3);
  out.u64(log.job);
  out.str(log.level);
  out.str(log.text);
}

void put(Writer& out, const Cancel& cancel) {
  begin(out, Type::cancel, 2);
  out.u64(cancel.job);
  out.u64(static_cast<std::uint64_t>(cancel.reason));
}

void put(Writer& out, const Stop&) { begin(out, Type::stop, 0); }

void put(Writer& out, const Shared& shared) {
  begin(out, Type::shared, 2);
  out.str(shared.redis_url);
  out.str(shared.name_space);
}

void put(Writer& out, const Hold& hold) {
  begin(out, Type::hold, 3);
  out.u64(hold.job);
  protocol::put(out, hold.hold);
}

void take(Reader& in, Ready& out) {
  out.version = in.u32("version");
  protocol::texts(in, "handlers", out.handlers);
  out.board = in.boolean("board");
  if (in.ok() && out.version != version) {
    in.refuse(Code::unsupported_version, fmt::format("version is {}, expected {}", out.version, version),
              "version");
  }
  for (const std::string& name : out.handlers) {
    if (auto valid = validate_name(name, "handlers"); !valid) {
      in.refuse(valid.error().code, valid.error().message, "handlers");
    }
  }
}

void take(Reader& in, RunInfo& out) {
  const std::uint32_t members = in.map("info");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("info's key");
    if (key == "queue") {
      out.queue = in.str("info.queue");
    } else if (key == "content_type") {
      out.content_type = in.str("info.content_type");
    } else if (key == "soft_timeout_ms") {
      out.soft_timeout_ms = in.u32("info.soft_timeout_ms");
    } else if (key == "trace") {
      out.trace = in.str("info.trace");
    } else if (key == "keep_result") {
      out.keep_result = in.boolean("info.keep_result");
    } else {
      in.raw("info");
    }
  }
}

void take(Reader& in, Run& out) {
  out.handler = in.str("handler");
  out.info = {};
  take(in, out.info);
  const std::uint32_t count = in.array("jobs");
  out.jobs.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    RunJob& job = out.jobs.emplace_back();
    const std::uint32_t fields = in.array("job");
    job.token.job = in.u64("job.id");
    job.token.attempt = in.u32("job.attempt");
    job.token.epoch = in.u32("job.epoch");
    job.batch = in.u64("job.batch");
    job.payload = in.bin("job.payload");
    if (fields == 6) job.inputs = in.raw("job.inputs");
    if (in.ok() && fields != 5 && fields != 6)
      in.refuse(Code::malformed_frame, fmt::format("job has {} elements, expected 5 or 6", fields), "job");
  }
}

void take_failure(Reader& in, Done::One& out) {
  const std::uint32_t members = in.map("failure");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("failure's key");
    if (key == "type") {
      out.failure.type = in.str("failure.type");
    } else if (key == "message") {
      out.failure.message = in.str("failure.message");
    } else if (key == "where") {
      out.failure.where = in.str("failure.where");
    } else if (key == "retry") {
      out.retry = in.boolean("failure.retry");
    } else if (key == "code") {
      out.failure.code = protocol::code(in, "failure.code");
    } else {
      protocol::unknown_key(in, "failure", key);
    }
  }
}

bool is_array(unsigned char byte) { return (byte & 0xf0U) == 0x90 || byte == 0xdc || byte == 0xdd; }

void take(Reader& in, Done::One& out) {
  if (!is_array(in.peek())) {
    out.job = in.u64("outcome");
    return;
  }
  const std::uint32_t fields = in.array("outcome");
  out.job = in.u64("outcome.job");
  out.ok = in.at_most("outcome.status", 1) == 0;
  if (in.ok() && fields != 3 && fields != 4) {
    return in.refuse(Code::malformed_frame,
                     fmt::format("outcome has {} elements, expected [job, 0, result, children?] or "
                                 "[job, 1, failure, result?]",
                                 fields),
                     "outcome");
  }
  if (!out.ok) {
    take_failure(in, out);
    if (fields == 4) out.result = in.bin("outcome.result");
    return;
  }
  out.result = in.bin("outcome.result");
  if (fields == 4) protocol::groups(in, SIZE_MAX, out.children);
}

void take(Reader& in, Done& out) {
  const std::uint32_t count = in.array("outcomes");
  out.outcomes.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) take(in, out.outcomes.emplace_back());
}

void take(Reader& in, Progress& out) {
  out.job = in.u64("job");
  out.fraction = in.number("fraction");
  out.text = in.str("text");
}

void take(Reader& in, Log& out) {
  out.job = in.u64("job");
  out.level = in.str("level");
  out.text = in.str("text");
}

void take(Reader& in, Cancel& out) {
  out.job = in.u64("job");
  out.reason = protocol::code(in, "code");
}

void take(Reader&, Stop&) {}

void take(Reader& in, Shared& out) {
  out.redis_url = in.str("redis_url");
  out.name_space = in.str("namespace");
}

void take(Reader& in, Hold& out) {
  out.job = in.u64("job");
  out.hold = protocol::key_hold(in);
}

template <typename M>
void take_as(Reader& in, std::uint32_t found, std::uint32_t fields, Message& out) {
  if (found != 1 + fields) {
    return in.refuse(Code::malformed_frame,
                     fmt::format("the message has {} elements, expected {}", found, 1 + fields), "message");
  }
  // A message of the same type as the last one is read over it, and its memory used again.
  if (!std::holds_alternative<M>(out)) out.emplace<M>();
  take(in, std::get<M>(out));
}

void take_message(Reader& in, Message& out) {
  const std::uint32_t found = in.array("message");
  const std::uint64_t type = in.u64("type");
  if (!in.ok()) return;
  switch (static_cast<Type>(type)) {
    case Type::ready: return take_as<Ready>(in, found, 3, out);
    case Type::run: return take_as<Run>(in, found, 3, out);
    case Type::done: return take_as<Done>(in, found, 1, out);
    case Type::progress: return take_as<Progress>(in, found, 3, out);
    case Type::log: return take_as<Log>(in, found, 3, out);
    case Type::cancel: return take_as<Cancel>(in, found, 2, out);
    case Type::stop: return take_as<Stop>(in, found, 0, out);
    case Type::shared: return take_as<Shared>(in, found, 2, out);
    case Type::hold: return take_as<Hold>(in, found, 3, out);
  }
  in.refuse(Code::unknown_message, fmt::format("type is {}, which no message has", type), "type");
}

}  // namespace

void encode(const Message& message, Buffer& out) {
  Writer writer(out);
  std::visit([&writer](const auto& one) { put(writer, one); }, message);
}

Result<std::size_t> decode(Bytes stream, Message& out) {
  Reader in(stream, message_max);
  take_message(in, out);
  if (in.ok()) return in.position();
  if (!in.cut_off()) return std::unexpected(in.error());
  if (stream.size() > message_max) {
    return fail(Code::frame_too_large,
                fmt::format("a message has more than {} bytes, expected at most that", message_max),
                "message");
  }
  return 0;
}

}  // namespace joinery::pool
