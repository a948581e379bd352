// The protocol between a supervisor and a pool process, on one descriptor (number 3, a stream socket):
// msgpack arrays, one after the other. docs/protocol.md describes it for people who write a pool process in
// another language.
//
// Order: the process says ready; the supervisor sends run frames; the process works each thread's jobs in the
// order received and says done; after stop it finishes what it was given and exits 0. A job that is cancelled
// before it started is not run: done says that it failed, with the code of the cancel.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/job/job.h"
#include "shared/job/limit.h"

namespace joinery::pool {

constexpr std::uint32_t version = 1;
constexpr int descriptor = 3;  // the socket, in the pool process
// Shared memory (board.h), if the process wants it; simple processes ignore it.
constexpr int board_descriptor = 4;

// Bytes of one message, in both directions.
constexpr std::size_t message_max = 64U << 20U;

enum class Type : std::uint8_t {
  ready = 1,
  run = 2,
  done = 3,
  progress = 4,
  log = 5,
  cancel = 6,
  stop = 7,
  shared = 8,
  hold = 9
};

// [1, version, [handler...], board]; from the process
struct Ready {
  std::uint32_t version = pool::version;
  std::vector<std::string> handlers;
  bool board = false;
};
// [2, handler, info(map), [[job, attempt, epoch, batch, payload]...]]; info: "queue", "content_type",
// "soft_timeout_ms", "trace", "keep_result" (absent: default)
struct RunJob {
  Token token;
  BatchId batch = 0;
  Bytes payload;
};
struct RunInfo {
  std::string queue;
  std::string content_type;
  std::uint32_t soft_timeout_ms = 0;
  std::string trace;
  bool keep_result = false;
};
struct Run {
  std::string handler;
  RunInfo info;
  std::vector<RunJob> jobs;
};
// [3, [outcome...]]; outcome: job (an integer: succeeded, nothing to keep)
//   | [job, 0, result(bin), children?]  succeeded
//   | [job, 1, {"type","message","where","retry","code"}]  failed; retry false: never again
// children: [group...] as in submit
struct Done {
  struct One {
    JobId job = 0;
    bool ok = true;
    Bytes result;
    Failure failure;
    bool retry = true;
    std::vector<Group> children;
  };
  std::vector<One> outcomes;
};
// [4, job, fraction, text]
struct Progress {
  JobId job = 0;
  double fraction = 0;
  std::string text;
};
// [5, job, level, text]
struct Log {
  JobId job = 0;
  std::string level;
  std::string text;
};
// [6, job, code]; from the supervisor
struct Cancel {
  JobId job = 0;
  Code reason = Code::cancelled;
};
// [7]; from the supervisor
struct Stop {};
// [8, redis_url, namespace]; from the supervisor: where shared values and locks live, for the jobs that
// follow
struct Shared {
  std::string redis_url;  // empty: there is none
  std::string name_space;
  bool operator==(const Shared&) const = default;
};
// [9, job, key, options(map: "interval_ms", "until_ms")]
struct Hold {
  JobId job = 0;
  KeyHold hold;
};

using Message = std::variant<Ready, Run, Done, Progress, Log, Cancel, Stop, Shared, Hold>;

void encode(const Message& message, Buffer& out);
// Takes one message off the front of `stream`: the number of bytes it took, 0 if the rest has not come yet.
// Views in `out` point into `stream`. A Run's jobs reuse the memory of `out` if it is a Run already.
Result<std::size_t> decode(Bytes stream, Message& out);

}  // namespace joinery::pool
