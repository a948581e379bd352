// Frames to messages: one function per message, in the order of messages.h.
#include <fmt/format.h>

#include <type_traits>

#include "shared/protocol/codec.h"
#include "shared/protocol/parts.h"

namespace joinery::protocol {
namespace {

// The enumerators are 0 to `last`.
template <typename E>
E enumerated(Reader& in, const char* field, E last) {
  return static_cast<E>(in.at_most(field, static_cast<std::uint64_t>(last)));
}

SessionId session_id(Reader& in, const char* field) {
  const Bytes bytes = in.bin(field);
  SessionId id;
  if (!in.ok()) return id;
  if (bytes.size() != 16) {
    in.refuse(Code::malformed_frame, fmt::format("{} has {} bytes, expected 16", field, bytes.size()), field);
    return id;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    id.high = id.high << 8U | static_cast<unsigned char>(bytes[i]);
    id.low = id.low << 8U | static_cast<unsigned char>(bytes[8 + i]);
  }
  return id;
}

// Keys that are not known are left alone in hello and welcome: that is where later versions add.
void hello_info(Reader& in, Hello& out) {
  const std::uint32_t members = in.map("info");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("info's key");
    if (key == "name") {
      out.name = in.str("info.name");
    } else if (key == "host") {
      out.host = in.str("info.host");
    } else if (key == "pid") {
      out.pid = in.u32("info.pid");
    } else if (key == "software") {
      out.software = in.str("info.software");
    } else if (key == "processes") {
      out.processes = in.u32("info.processes");
    } else if (key == "threads") {
      out.threads = in.u32("info.threads");
    } else if (key == "capacity") {
      out.capacity = in.u32("info.capacity");
    } else if (key == "queues") {
      texts(in, "info.queues", out.queues);
    } else if (key == "weights") {
      out.weights.resize(in.array("info.weights"));
      for (std::uint32_t& weight : out.weights) weight = in.u32("info.weights");
    } else if (key == "handlers") {
      texts(in, "info.handlers", out.handlers);
    } else if (key == "held") {
      tokens(in, "info.held", out.held);
    } else {
      in.raw("info");
    }
  }
}

void check_names(Reader& in, const std::vector<std::string>& names, const char* field) {
  for (const std::string& name : names) {
    if (auto valid = validate_name(name, field); !valid) {
      return in.refuse(valid.error().code, valid.error().message, valid.error().field);
    }
  }
}

void check_weights(Reader& in, const Hello& hello) {
  if (hello.weights.empty() || !in.ok()) return;
  const auto good = [](std::uint32_t weight) { return weight != 0 && weight <= limits::weight_max; };
  if (hello.weights.size() == hello.queues.size() && std::ranges::all_of(hello.weights, good)) return;
  in.refuse(Code::invalid_argument,
            fmt::format(
                "info.weights has {} elements, expected none or a number from 1 to {} for each of {} queues",
                hello.weights.size(), limits::weight_max, hello.queues.size()),
            "info.weights");
}

void take(Reader& in, std::uint32_t fields, Hello& out) {
  out.version = in.u32("version");
  // Before the number of fields is looked at, which another version may have changed.
  if (in.ok() && out.version != version) {
    return in.refuse(Code::unsupported_version,
                     fmt::format("version is {}, expected {}", out.version, version), "version");
  }
  if (in.ok() && fields != 4) {
    return in.refuse(Code::malformed_frame, fmt::format("hello has {} fields, expected 4", fields), "hello");
  }
  out.role = enumerated(in, "role", Role::tool);
  out.session = session_id(in, "session");
  hello_info(in, out);
  check_names(in, out.queues, "info.queues");
  check_names(in, out.handlers, "info.handlers");
  check_weights(in, out);
}

void take(Reader& in, Welcome& out) {
  out.version = in.u32("version");
  out.epoch = in.u32("epoch");
  out.broker = session_id(in, "broker");
  out.resumed = in.boolean("resumed");
  out.last_sequence = in.u64("last_sequence");
  const std::uint32_t members = in.map("info");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("info's key");
    if (key == "redis_url") {
      out.redis_url = in.str("info.redis_url");
    } else if (key == "heartbeat_ms") {
      out.heartbeat_ms = in.u32("info.heartbeat_ms");
    } else if (key == "lease_ms") {
      out.lease_ms = in.u32("info.lease_ms");
    } else if (key == "frame_max") {
      out.frame_max = in.u64("info.frame_max");
    } else if (key == "payload_max") {
      out.payload_max = in.u64("info.payload_max");
    } else {
      in.raw("info");
    }
  }
}

Error error(Reader& in) {
  Error error;
  error.code = code(in, "code");
  error.message = in.str("message");
  error.field = in.str("field");
  return error;
}

void take(Reader& in, ErrorMessage& out) {
  out.sequence = in.u64("sequence");
  out.error = error(in);
}

void take(Reader&, Heartbeat&) {}

void take(Reader& in, Goodbye& out) { out.reason = in.str("reason"); }

// Of Submit and RawSubmit.
template <typename S>
void submit_options(Reader& in, S& out) {
  const std::uint32_t members = in.map("options");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("options' key");
    if (key == "when_full") {
      const Bytes when = in.str("options.when_full");
      out.park = when == "park";
      if (in.ok() && !out.park && when != "refuse") {
        in.refuse(
            Code::invalid_argument,
            fmt::format("options.when_full is \"{}\", expected \"park\" or \"refuse\"", when.substr(0, 50)),
            "options.when_full");
      }
    } else if (key == "timeout_ms") {
      out.timeout_ms = in.u64("options.timeout_ms");
    } else if (key == "watch") {
      out.watch = in.boolean("options.watch");
    } else if (key == "under") {
      out.under = token(in, "options.under");
    } else if (key == "flow") {
      out.flow = in.str("options.flow");
    } else {
      unknown_key(in, "options", key);
    }
  }
}

void take(Reader& in, Submit& out) {
  out.sequence = in.u64("sequence");
  out.confirmed = in.u64("confirmed");
  submit_options(in, out);
  groups(in, SIZE_MAX, out.groups);
}

void take(Reader& in, Accepted& out) {
  out.sequence = in.u64("sequence");
  const std::uint32_t count = in.array("answers");
  out.groups.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    GroupAccepted& group = out.groups.emplace_back();
    const std::uint32_t fields = in.array("answer");
    const bool refused = in.at_most("answer.status", 1) == 1;
    if (in.ok() && fields != (refused ? 4 : 5)) {
      in.refuse(Code::malformed_frame,
                fmt::format("answer has {} elements, expected [0, first, count, level, "
                            "no_handler] or [1, code, message, field]",
                            fields),
                "answer");
    } else if (refused) {
      group.error = error(in);
    } else {
      group.first = in.u64("answer.first");
      group.count = in.u32("answer.count");
      group.level = enumerated(in, "answer.level", Durability::none);
      group.no_handler = in.boolean("answer.no_handler");
    }
  }
}

void take(Reader& in, Capacity& out) { out.deliveries = in.u32("deliveries"); }

void take(Reader& in, DispatchGroup& out) {
  in.array("group", 4);
  out.queue = in.str("queue");
  out.spec = in.raw_map("spec");
  out.epoch = in.u32("epoch");
  const std::uint32_t count = in.array("jobs");
  if (count > limits::jobs_per_frame_max) {
    return in.refuse(
        Code::malformed_frame,
        fmt::format("jobs has {} elements, expected at most {}", count, limits::jobs_per_frame_max), "jobs");
  }
  out.jobs.resize(count);
  for (DispatchedJob& job : out.jobs) {
    const std::uint32_t fields = in.array("job");
    job.job = in.u64("job.id");
    job.attempt = in.u32("job.attempt");
    job.batch = in.u64("job.batch");
    job.parent = in.u64("job.parent");
    job.payload = in.bin("job.payload");
    job.inputs = fields == 6 ? in.raw("job.inputs") : Bytes{};
    if (in.ok() && fields != 5 && fields != 6) [[unlikely]]
      in.refuse(Code::malformed_frame, fmt::format("job has {} elements, expected 5 or 6", fields), "job");
    if (!in.ok()) return;
  }
}

// Elements that are larger here than on the wire are made as they are read, over those of the last frame.
template <typename T, typename Take>
void each(Reader& in, const char* field, std::vector<T>& out, Take take_one) {
  const std::uint32_t count = in.array(field);
  std::uint32_t taken = 0;
  for (; taken < count && in.ok(); ++taken) {
    if (taken == out.size()) out.emplace_back();
    take_one(in, out[taken]);
  }
  out.resize(taken);
}

void take(Reader& in, Dispatch& out) {
  each(in, "groups", out.groups, [](Reader& from, DispatchGroup& group) { take(from, group); });
}

void take(Reader& in, RunOf& out) {
  in.array("run", 4);
  out.first = in.u64("run.first");
  out.count = in.u32("run.count");
  out.attempt = in.u32("run.attempt");
  out.epoch = in.u32("run.epoch");
}

void take(Reader& in, Report& out) {
  in.array("report", 4);
  out.kind = enumerated(in, "report.kind", Report::Kind::cancelled);
  out.token = token(in, "report.token");
  out.failure = failure(in, "report.failure");
  groups(in, SIZE_MAX, out.children);
}

void take(Reader& in, InlineResult& out) {
  in.array("result", 2);
  out.job = in.u64("result.job");
  out.value = in.bin("result.value");
}

void take(Reader& in, Finish& out) {
  out.sequence = in.u64("sequence");
  each(in, "runs", out.succeeded, [](Reader& from, RunOf& run) { take(from, run); });
  each(in, "reports", out.reports, [](Reader& from, Report& report) { take(from, report); });
  each(in, "results", out.results, [](Reader& from, InlineResult& result) { take(from, result); });
}

void take(Reader& in, Acked& out) {
  out.sequence = in.u64("sequence");
  tokens(in, "refused", out.refused);
}

void take(Reader& in, Revoke& out) {
  tokens(in, "tokens", out.tokens);
  out.reason = code(in, "code");
  out.grace_ms = in.u64("grace_ms");
}

void take(Reader& in, Progress& out) {
  out.token = token(in, "token");
  out.fraction = in.number("fraction");
  out.text = in.str("text");
}

void take(Reader& in, Hold& out) {
  out.token = token(in, "token");
  out.hold = key_hold(in);
}

void take(Reader& in, Follow& out) {
  tokens(in, "tokens", out.tokens);
  out.on = in.boolean("on");
}

void take(Reader& in, LogLine& out) {
  in.array("line", 3);
  out.at_ms = in.i64("line.at_ms");
  out.level = in.str("line.level");
  out.text = in.str("line.text");
}

void take(Reader& in, Log& out) {
  out.token = token(in, "token");
  out.dropped = in.u64("dropped");
  each(in, "lines", out.lines, [](Reader& from, LogLine& line) { take(from, line); });
}

void take(Reader& in, Join& out) {
  out.request = in.u64("sequence");
  if (in.map("target") != 1) {
    return in.refuse(Code::invalid_argument, "target needs one of the keys queue, batch, jobs", "target");
  }
  const Bytes key = in.str("target's key");
  if (key == "queue") {
    out.queue = in.str("target.queue");
    if (in.ok()) check_names(in, {out.queue}, "target.queue");
  } else if (key == "batch") {
    out.batch = in.u64("target.batch");
  } else if (key == "jobs") {
    job_ids(in, "target.jobs", out.jobs);
  } else {
    unknown_key(in, "target", key);
  }
}

void take(Reader& in, Joined& out) {
  out.request = in.u64("sequence");
  Counts& counts = out.counts;
  const std::pair<Bytes, std::uint64_t*> known[] = {
      {"parked", &counts.parked}, {"scheduled", &counts.scheduled}, {"blocked", &counts.blocked},
      {"ready", &counts.ready},   {"running", &counts.running},     {"succeeded", &counts.succeeded},
      {"failed", &counts.failed}, {"cancelled", &counts.cancelled}, {"expired", &counts.expired}};
  const std::uint32_t members = in.map("counts");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("counts' key");
    const std::uint64_t value = in.u64("counts");
    for (const auto& [name, count] : known) {
      if (name == key) *count = value;
    }
  }
}

void take(Reader& in, Watch& out) {
  out.request = in.u64("sequence");
  job_ids(in, "jobs", out.jobs);
}

void take(Reader& in, JobOutcome& out) {
  in.array("outcome", 6);
  out.job = in.u64("outcome.job");
  out.known = !in.nil();
  out.outcome = out.known ? enumerated(in, "outcome.outcome", Outcome::expired) : Outcome::succeeded;
  out.attempt = in.u32("outcome.attempt");
  out.epoch = in.u32("outcome.epoch");
  out.failure = failure(in, "outcome.failure");
  out.result.reset();
  if (!in.nil()) out.result = in.bin("outcome.result");
}

void take(Reader& in, Outcomes& out) {
  each(in, "outcomes", out.jobs, [](Reader& from, JobOutcome& job) { take(from, job); });
}

void take(Reader& in, Forget& out) { out.request = in.u64("sequence"); }

void take(Reader& in, Request& out) {
  out.sequence = in.u64("sequence");
  out.confirmed = in.u64("confirmed");
  out.verb = in.str("verb");
  out.arguments = in.raw_map("arguments");
}

void take(Reader& in, Reply& out) {
  out.sequence = in.u64("sequence");
  out.result = in.raw_map("result");
}

// The number of fields after the type; the type must be `expected`.
std::uint32_t begin(Reader& in, Type expected) {
  const std::uint32_t elements = in.array("frame");
  const std::uint64_t type = in.u64("type");
  if (in.ok() && type != static_cast<std::uint64_t>(expected)) {
    in.refuse(Code::malformed_frame,
              fmt::format("type is {}, expected {}", type, static_cast<unsigned>(expected)), "type");
  }
  return in.ok() ? elements - 1 : 0;
}

Result<> end(Reader& in) {
  if (!in.done()) return std::unexpected(in.error());
  return {};
}

void expect_fields(Reader& in, std::uint32_t found, std::uint32_t expected) {
  if (!in.ok() || found == expected) return;
  in.refuse(Code::malformed_frame, fmt::format("the frame has {} fields, expected {}", found, expected),
            "frame");
}

template <typename M>
Result<> decode_into(Bytes frame, Type type, std::uint32_t fields, M& out) {
  Reader in(frame);
  const std::uint32_t found = begin(in, type);
  if constexpr (std::is_same_v<M, Hello>) {
    take(in, found, out);
  } else if constexpr (std::is_same_v<M, Accepted>) {
    const bool of_flow = found == fields + 1;
    expect_fields(in, found, of_flow ? found : fields);
    take(in, out);
    if (of_flow) out.batch = in.u64("batch");
  } else {
    expect_fields(in, found, fields);
    take(in, out);
  }
  return end(in);
}

template <typename M>
Result<Message> decode_one(Bytes frame, Type type, std::uint32_t fields) {
  Result<Message> message(std::in_place, std::in_place_type<M>);
  if (auto decoded = decode_into(frame, type, fields, std::get<M>(*message)); !decoded) {
    return std::unexpected(decoded.error());
  }
  return message;
}

}  // namespace

Result<Type> type_of(Bytes frame) {
  Reader in(frame);
  in.array("frame");
  const std::uint64_t type = in.u64("type");
  if (!in.ok()) return std::unexpected(in.error());
  if ((type >= 1 && type <= 5) || type == 10 || type == 11 || (type >= 20 && type <= 28) ||
      (type >= 30 && type <= 34) || type == 40 || type == 41) {
    return static_cast<Type>(type);
  }
  return fail(Code::unknown_message, fmt::format("type is {}, which no message has", type), "type");
}

Result<Message> decode(Bytes frame) {
  const auto type = type_of(frame);
  if (!type) return std::unexpected(type.error());
  switch (*type) {
    case Type::hello: return decode_one<Hello>(frame, *type, 4);
    case Type::welcome: return decode_one<Welcome>(frame, *type, 6);
    case Type::error: return decode_one<ErrorMessage>(frame, *type, 4);
    case Type::heartbeat: return decode_one<Heartbeat>(frame, *type, 0);
    case Type::goodbye: return decode_one<Goodbye>(frame, *type, 1);
    case Type::submit: return decode_one<Submit>(frame, *type, 4);
    case Type::accepted: return decode_one<Accepted>(frame, *type, 2);
    case Type::capacity: return decode_one<Capacity>(frame, *type, 1);
    case Type::dispatch: return decode_one<Dispatch>(frame, *type, 1);
    case Type::finish: return decode_one<Finish>(frame, *type, 4);
    case Type::acked: return decode_one<Acked>(frame, *type, 2);
    case Type::revoke: return decode_one<Revoke>(frame, *type, 3);
    case Type::progress: return decode_one<Progress>(frame, *type, 3);
    case Type::hold: return decode_one<Hold>(frame, *type, 3);
    case Type::follow: return decode_one<Follow>(frame, *type, 2);
    case Type::log: return decode_one<Log>(frame, *type, 3);
    case Type::join: return decode_one<Join>(frame, *type, 2);
    case Type::joined: return decode_one<Joined>(frame, *type, 2);
    case Type::watch: return decode_one<Watch>(frame, *type, 2);
    case Type::outcomes: return decode_one<Outcomes>(frame, *type, 1);
    case Type::forget: return decode_one<Forget>(frame, *type, 1);
    case Type::request: return decode_one<Request>(frame, *type, 4);
    case Type::reply: return decode_one<Reply>(frame, *type, 2);
  }
  return fail(Code::internal, "a type without a decoder");
}

Result<> decode_finish(Bytes frame, Finish& out) { return decode_into(frame, Type::finish, 4, out); }
Result<> decode_dispatch(Bytes frame, Dispatch& out) { return decode_into(frame, Type::dispatch, 1, out); }

Result<> decode_submit(Bytes frame, std::size_t payload_max, RawSubmit& out) {
  out.sequence = 0;
  out.group_count = 0;
  out.park = true;
  out.timeout_ms.reset();
  out.watch = false;
  out.under = {};
  out.flow.reset();
  Reader in(frame);
  expect_fields(in, begin(in, Type::submit), 4);
  out.sequence = in.u64("sequence");
  out.confirmed = in.u64("confirmed");
  submit_options(in, out);
  const std::uint32_t count = in.array("groups");
  std::size_t jobs = 0;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (i == out.groups.size()) out.groups.emplace_back();
    group(in, payload_max, out.groups[i]);
    jobs += out.groups[i].payloads.size();
  }
  if (in.ok() && (jobs == 0 || jobs > limits::jobs_per_frame_max)) {
    in.refuse(Code::invalid_argument,
              fmt::format("the frame has {} jobs, expected 1 to {}", jobs, limits::jobs_per_frame_max),
              "groups");
  }
  Result<> ended = end(in);
  if (ended) out.group_count = count;
  return ended;
}

}  // namespace joinery::protocol
