// The messages of the wire, as values: what docs/protocol.md describes, one struct each. Decoded views point
// into the frame.
//
// A frame is one msgpack array [type, ...] in one ZeroMQ message part (a DEALER peers with the broker's
// ROUTER).
//
// To change one: docs/protocol.md first, then the struct, its functions in encode.cpp and decode.cpp, the
// fixtures in tests/unit/protocol, and the version if an older peer would misunderstand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"

namespace joinery::protocol {

constexpr std::uint32_t version = 1;

enum class Type : std::uint8_t {
  // session
  hello = 1,
  welcome = 2,
  error = 3,
  heartbeat = 4,
  goodbye = 5,
  // jobs
  submit = 10,
  accepted = 11,
  // deliveries
  capacity = 20,
  dispatch = 21,
  finish = 22,
  acked = 23,
  revoke = 24,
  progress = 25,
  hold = 26,
  follow = 27,
  log = 28,
  // waiting
  join = 30,
  joined = 31,
  watch = 32,
  outcomes = 33,
  forget = 34,
  // everything else: a verb and a map
  request = 40,
  reply = 41,
};

enum class Role : std::uint8_t { producer = 0, worker = 1, tool = 2 };

// [1, version, role, session(bin 16), info(map)]: the first frame of a connection, and again after each
// reconnect.
struct Hello {
  std::uint32_t version = protocol::version;
  Role role = Role::producer;
  SessionId session;
  std::string name;  // of the program or worker
  std::string host;
  std::uint32_t pid = 0;
  std::string software;  // "joinery-cpp/0.1.0"
  // role worker only:
  std::uint32_t processes = 0;
  std::uint32_t threads = 1;
  std::uint32_t capacity = 0;
  std::vector<std::string> queues;
  std::vector<std::uint32_t> weights{};  // as many as queues, or none
  std::vector<std::string> handlers;
  std::vector<Token> held;
};

// [2, version, epoch, broker(bin 16), resumed, last_sequence, info(map)]
struct Welcome {
  std::uint32_t version = protocol::version;
  std::uint32_t epoch = 0;
  SessionId broker;      // id of the data directory: namespace of the keys in Redis
  bool resumed = false;  // false: the session was not known (any more)
  // Greatest one applied; the client repeats those above it that it has no answer for.
  std::uint64_t last_sequence = 0;
  std::string redis_url;  // empty: no Redis
  std::uint32_t heartbeat_ms = 3000;
  std::uint32_t lease_ms = 15000;
  std::uint64_t frame_max = limits::frame_max_default;
  std::uint64_t payload_max = limits::payload_max_default;
};

// [3, sequence, code, message, field]: a request could not be done (sequence 0: the frame was not
// understood).
struct ErrorMessage {
  std::uint64_t sequence = 0;
  Error error;
};

// [4]
struct Heartbeat {};
// [5, reason]
struct Goodbye {
  std::string reason;
};

// [10, sequence, confirmed, options(map: "when_full": "park"|"refuse", "timeout_ms", "watch", "under": [job,
// attempt, epoch], "flow": name), [group...]] group: [queue, spec(map), batch, parent, [payload(bin)...],
// columns(map)]; absent spec keys have their defaults.
struct Submit {
  std::uint64_t sequence = 0;
  std::uint64_t confirmed = 0;
  bool park = true;
  std::optional<std::uint64_t> timeout_ms;
  bool watch = false;
  Token under;
  std::optional<std::string> flow = {};  // all or none, in a batch of this name
  std::vector<Group> groups;
};

// [11, sequence, [answer...], batch (only of a flow)]; answer: [0, first, count, level, no_handler] or [1,
// code, message, field]
struct GroupAccepted {
  JobId first = 0;
  std::uint32_t count = 0;
  Durability level = Durability::sync;
  bool no_handler = false;
  std::optional<Error> error;
};
struct Accepted {
  std::uint64_t sequence = 0;
  std::vector<GroupAccepted> groups;
  BatchId batch = 0;  // of a flow
};

// [20, deliveries]
struct Capacity {
  std::uint32_t deliveries = 0;
};

// [21, [group...]]; group: [queue, spec(map), epoch, [[job, attempt, batch, parent, payload,
// [input...]?]...]]
struct DispatchedJob {
  JobId job = 0;
  std::uint32_t attempt = 0;
  BatchId batch = 0;
  JobId parent = 0;
  Bytes payload;
  Bytes inputs = {};  // raw array of the ids of the jobs whose results it is given; empty: it wants none
};
struct DispatchGroup {
  std::string queue;
  Bytes spec;  // its raw map, so that a receiver can remember what it decoded: decode_spec
  std::uint32_t epoch = 0;
  std::vector<DispatchedJob> jobs;
};
struct Dispatch {
  std::vector<DispatchGroup> groups;
};

// [22, sequence, [run...], [report...], [result...]]; run: [first, count, attempt, epoch]; result: [job, bin]
// report: [kind, [job, attempt, epoch], failure(map)|nil, [group...]]
struct RunOf {
  JobId first = 0;
  std::uint32_t count = 0;
  std::uint32_t attempt = 0;
  std::uint32_t epoch = 0;
  bool operator==(const RunOf&) const = default;
};
// Of a job of the runs, for those who watch it.
struct InlineResult {
  JobId job = 0;
  Bytes value;
};
struct Finish {
  std::uint64_t sequence = 0;
  std::vector<RunOf> succeeded;
  std::vector<Report> reports;
  std::vector<InlineResult> results = {};
};
// [23, sequence, [token...]]
struct Acked {
  std::uint64_t sequence = 0;
  std::vector<Token> refused;
};
// What Revoke says when it is told again: the period of the first time goes on.
constexpr std::uint64_t grace_as_told = UINT64_MAX;

// [24, [token...], code, grace_ms]
struct Revoke {
  std::vector<Token> tokens;
  Code reason = Code::cancelled;
  std::uint64_t grace_ms = 0;
};
// [25, token, fraction, text]
struct Progress {
  Token token;
  double fraction = 0;
  std::string text;
};
// [26, token, key, options(map: "interval_ms", "until_ms")]
struct Hold {
  Token token;
  KeyHold hold;
};

// [27, [token...], on]
struct Follow {
  std::vector<Token> tokens;
  bool on = true;
};
// [28, token, dropped, [line...]]; line: [at_ms, level, text]
struct LogLine {
  std::int64_t at_ms = 0;
  std::string level;
  std::string text;
};
struct Log {
  Token token;
  std::uint64_t dropped = 0;
  std::vector<LogLine> lines = {};
};

// [30, sequence, target(map: "queue" | "batch" | "jobs")]
struct Join {
  std::uint64_t request = 0;
  std::string queue;
  BatchId batch = 0;
  std::vector<JobId> jobs;
};
// [31, sequence, counts(map)]
struct Joined {
  std::uint64_t request = 0;
  Counts counts;
};
// [32, sequence, [job...]]
struct Watch {
  std::uint64_t request = 0;
  std::vector<JobId> jobs;
};
// [33, [outcome...]]; outcome: [job, outcome|nil if unknown, attempt, epoch, failure(map)|nil, result|nil]
struct JobOutcome {
  JobId job = 0;
  bool known = true;
  Outcome outcome = Outcome::succeeded;
  std::uint32_t attempt = 0;
  std::uint32_t epoch = 0;
  Failure failure;
  std::optional<Bytes> result = {};  // that came along
};
struct Outcomes {
  std::vector<JobOutcome> jobs;
};
// [34, sequence]
struct Forget {
  std::uint64_t request = 0;
};

// [40, sequence, confirmed, verb, arguments(map)]: docs/protocol.md lists the verbs. Both maps stay raw here;
// verbs.h reads them.
struct Request {
  std::uint64_t sequence = 0;
  std::uint64_t confirmed = 0;
  std::string verb;
  Bytes arguments;
};
// [41, sequence, result(map)]
struct Reply {
  std::uint64_t sequence = 0;
  Bytes result;
};

using Message = std::variant<Hello, Welcome, ErrorMessage, Heartbeat, Goodbye, Submit, Accepted, Capacity,
                             Dispatch, Finish, Acked, Revoke, Progress, Hold, Follow, Log, Join, Joined,
                             Watch, Outcomes, Forget, Request, Reply>;

}  // namespace joinery::protocol
