// The words of Joinery as value types: what a job is, and everything that can be asked of one. Knows no wire
// format and no storage.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery {

// Given by the broker in the order of acceptance, from 1. Never used again within a data directory. 0 is no
// job.
using JobId = std::uint64_t;
// Given by the broker from 1. 0 is no batch.
using BatchId = std::uint64_t;

// Chosen at random by each client, worker or tool: whoever reconnects with it resumes where it was.
struct SessionId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const SessionId&) const = default;
};
// 32 hex digits. Of a broker: the namespace of its keys in Redis.
std::string to_hex(SessionId id);

// One delivery of a job, and the fence of all its effects. Grows with each delivery: by attempt within a life
// of the broker, by epoch over its restarts.
struct Token {
  JobId job = 0;
  std::uint32_t attempt = 0;  // from 1
  std::uint32_t epoch = 0;    // number of the broker's life, from 1

  // What is compared: a later delivery of the same job has the greater fence.
  std::uint64_t fence() const { return std::uint64_t{epoch} << 32 | attempt; }
  bool operator==(const Token&) const = default;
};

// Order in which a queue's ready jobs are delivered.
enum class Mode : std::uint8_t { fifo, lifo, priority };

// What "accepted" means in a queue: synced (fdatasync, group commit), written and synced every
// journal.interval, or in memory.
enum class Durability : std::uint8_t { sync, interval, none };

enum class State : std::uint8_t {
  parked,     // came to a full queue; its put is not accepted yet
  scheduled,  // waits for a time (delay, run_at, or the backoff of a retry)
  blocked,    // waits for other jobs
  ready,
  running,
  failed,  // dead letter: finished with outcome failed, kept so that it can be looked at and retried
};

enum class Outcome : std::uint8_t { succeeded, failed, cancelled, expired };

std::string_view word(Mode mode);
std::string_view word(Durability durability);
std::string_view word(State state);
std::string_view word(Outcome outcome);
std::optional<Mode> mode_from_word(std::string_view text);
std::optional<Durability> durability_from_word(std::string_view text);
std::optional<State> state_from_word(std::string_view text);
std::optional<Outcome> outcome_from_word(std::string_view text);

// How long to wait before attempt n+1: initial * factor^(n-1), at most max, then changed at random by up to
// +-jitter of itself. With a list: its nth element (the last one again and again), jittered too.
struct Backoff {
  std::uint32_t initial_ms = 1000;
  std::uint32_t max_ms = 600'000;
  float factor = 2.0F;  // 1: fixed
  float jitter = 0.1F;  // 0 to 1
  std::vector<std::uint32_t> list_ms;
  bool operator==(const Backoff&) const = default;
};

// What a unique key claims: within its queue or its batch, until the job...
enum class UniqueScope : std::uint8_t { queue, batch };
enum class UniqueUntil : std::uint8_t {
  finished,   // has an outcome, whichever: a job that failed frees its claim
  started,    // is delivered for the first time
  succeeded,  // succeeded, was cancelled, expired or deleted: a dead letter keeps its claim
  time,       // was accepted ttl_ms ago, whatever became of it
};
// What a put gets whose key is claimed: refused with duplicate_job; the id of the job that has the claim; or
// that one is cancelled, unless it runs, and the new one takes its place.
enum class OnConflict : std::uint8_t { refuse, ignore, replace };
struct Unique {
  UniqueScope scope = UniqueScope::queue;
  UniqueUntil until = UniqueUntil::finished;
  OnConflict on_conflict = OnConflict::refuse;
  std::uint64_t ttl_ms = 0;  // for UniqueUntil::time
  bool operator==(const Unique&) const = default;
};

// What a job that comes after others asks of them: else it ends as cancelled.
enum class After : std::uint8_t { succeeded, finished };

std::string_view word(UniqueScope scope);
std::string_view word(UniqueUntil until);
std::string_view word(OnConflict on_conflict);
std::string_view word(After after);
std::optional<UniqueScope> unique_scope_from_word(std::string_view text);
std::optional<UniqueUntil> unique_until_from_word(std::string_view text);
std::optional<OnConflict> on_conflict_from_word(std::string_view text);
std::optional<After> after_from_word(std::string_view text);

// Options of a Spec that a queue may have defaults for.
enum class SpecOption : std::uint8_t {
  attempts,
  crash_attempts,
  backoff,  // but for its jitter
  soft_timeout_ms,
  hard_timeout_ms,
  result_ttl_s,
  no_retry,
  jitter,  // of the backoff
};
std::string_view word(SpecOption option);
std::optional<SpecOption> spec_option_from_word(std::string_view text);

// A set of them.
struct SpecOptions {
  static constexpr std::uint8_t all = 8;  // how many there are
  std::uint8_t bits = 0;
  void add(SpecOption option) { bits |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(option)); }
  bool has(SpecOption option) const { return (bits >> static_cast<unsigned>(option) & 1U) != 0; }
  bool operator==(const SpecOptions&) const = default;
};

// What the jobs of one group share: the handler and the options that seldom differ from job to job. The
// broker keeps each distinct Spec once.
struct Spec {
  std::string handler;
  std::string content_type = "application/msgpack";
  std::uint32_t attempts = 3;        // deliveries that may end in a failure of the handler; 1: no retry
  std::uint32_t crash_attempts = 3;  // deliveries that may end with the death of the pool process
  Backoff backoff;
  // The handler is told (JobContext::cancelled, SIGTERM to a command); 0: none.
  std::uint32_t soft_timeout_ms = 0;
  std::uint32_t hard_timeout_ms = 0;  // its process group is killed; 0: none
  std::uint32_t result_ttl_s = 0;     // seconds for which the result is kept in Redis; 0: no result is kept
  // A result of at most so many bytes comes with the outcome, to those who watch, and is not kept.
  std::uint32_t result_inline_max = 0;
  std::string trace;                  // W3C traceparent, carried through unread
  std::vector<std::string> no_retry;  // types of failures that no further attempt would mend
  Unique unique;                      // what the column unique_key means
  After after = After::succeeded;     // what the columns after and after_batches mean
  bool inputs = false;   // the handler is given the results of the jobs of the column after, in that order
  bool ordered = false;  // jobs of one key one after the other, in order, also across retries
  // What the submitter chose; of the rest the defaults of the queue hold, if it has some. None: whatever
  // differs from the defaults here was chosen.
  std::optional<SpecOptions> said;
  bool operator==(const Spec&) const = default;
};
// Whether the submitter chose it.
bool says(const Spec& spec, SpecOption option);

// Of a queue: what holds where a submission says nothing.
struct SpecDefaults {
  std::optional<std::uint32_t> attempts, crash_attempts, soft_timeout_ms, hard_timeout_ms, result_ttl_s;
  std::optional<Backoff> backoff;  // and its jitter
  std::optional<std::vector<std::string>> no_retry;

  bool empty() const { return *this == SpecDefaults{}; }
  // Gives the spec what it does not say; it says nothing more then.
  void complete(Spec& spec) const;
  bool operator==(const SpecDefaults&) const = default;
};

// What may differ between the jobs of a group: columns as long as the group, or empty where every job has the
// default.
struct Columns {
  std::vector<std::int64_t> priority;       // lower first; default 0. Only mode priority looks at it
  std::vector<std::uint64_t> delay_ms;      // from acceptance, on the monotonic clock
  std::vector<std::int64_t> run_at_ms;      // Unix milliseconds, on the wall clock
  std::vector<std::int64_t> expires_at_ms;  // Unix milliseconds: not started by then: expired
  std::vector<std::string> key;             // what limits and fairness are counted by: shared/job/limit.h
  std::vector<std::string> unique_key;
  std::vector<std::int64_t> deadline_ms;  // Unix milliseconds: not finished by then: stopped, and expired
  // Jobs that come first: an id, or -n for the nth job of the same frame. Blocked until all of them have
  // their outcome.
  std::vector<std::vector<std::int64_t>> after;
  std::vector<std::vector<BatchId>> after_batches;
  bool operator==(const Columns&) const = default;
};

// A submission of jobs that share queue, Spec, batch and parent. `payloads` are views into the sender's
// buffer.
struct Group {
  std::string queue = "default";
  Spec spec;
  BatchId batch = 0;
  JobId parent = 0;
  std::vector<Bytes> payloads;
  Columns columns;
};

namespace limits {
constexpr std::uint64_t history_bytes_default = 4U << 20U;
constexpr std::uint64_t history_age_ms_default = std::uint64_t{7} * 24 * 3'600'000;
}  // namespace limits

// What the broker knows of a queue besides its jobs.
struct QueueOptions {
  Mode mode = Mode::fifo;
  Durability durability = Durability::sync;
  std::uint64_t maxsize = 0;  // of jobs waiting to be delivered (as Python's qsize); 0: no limit
  bool fair = false;          // the outermost levels of the keys take turns, whatever each has waiting
  SpecDefaults defaults{};
  // How much is remembered of its jobs that have ended, and how long; 0: nothing.
  std::uint64_t history_bytes = limits::history_bytes_default;
  std::uint64_t history_age_ms = limits::history_age_ms_default;
  bool operator==(const QueueOptions&) const = default;
};

// Jobs of a queue or batch by state and, since it began, by outcome. join waits for unfinished == 0.
struct Counts {
  std::uint64_t parked = 0;
  std::uint64_t scheduled = 0;
  std::uint64_t blocked = 0;
  std::uint64_t ready = 0;
  std::uint64_t running = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t expired = 0;

  std::uint64_t unfinished() const { return scheduled + blocked + ready + running; }
  std::uint64_t finished() const { return succeeded + failed + cancelled + expired; }
  bool operator==(const Counts&) const = default;
};

// Why a delivery did not succeed.
struct Failure {
  Code code = Code::handler_error;
  std::string type;  // class of the exception, or "exit status", "signal"
  std::string message;
  std::string where;  // worker, process, and if known the place in the code
  // For crashes: msgpack map (signal, peak memory, last lines of stderr, ...); else empty.
  std::string dossier;
  bool operator==(const Failure&) const = default;
};

// What became of one delivery, as a worker reports it.
struct Report {
  enum class Kind : std::uint8_t {
    succeeded,
    failed,     // costs an attempt; retried after the backoff while attempts are left
    rejected,   // failed, and must not be retried
    crashed,    // the pool process died; costs a crash attempt, runs again at once
    released,   // was not started (drain, recycling of a process); costs nothing, runs again at once
    cancelled,  // stopped because the broker or the job's submitter asked
  };
  Kind kind = Kind::succeeded;
  Token token;
  Failure failure;  // for failed, rejected, crashed
  // Submitted by the handler; become jobs in the same change as the finish, and only if it succeeded.
  std::vector<Group> children;
};

// Limits that both sides know.
namespace limits {
constexpr std::size_t name_max = 255;                    // queue, handler, key, unique key
constexpr std::size_t payload_max_default = 16U << 20U;  // bytes
constexpr std::size_t frame_max_default = 24U << 20U;    // bytes
constexpr std::size_t jobs_per_frame_max = 65'536;
constexpr std::size_t after_max = 10'000;  // jobs and batches that one job comes after
constexpr std::uint32_t result_inline_max = 64U << 10U;
constexpr std::size_t list_max = 100;  // of delays of a backoff, and of types of failures
}  // namespace limits

// Checks the values of a group (names, ranges, column lengths). The error names the field ("spec.attempts",
// "columns.priority").
Result<> validate(const Group& group, std::size_t payload_max);
// The same, in parts.
Result<> validate(const Spec& spec);
Result<> validate(const SpecDefaults& defaults);
Result<> validate(const Columns& columns, std::size_t jobs);
// What means nothing without another option, or contradicts it: `unique` without a key, ...
Result<> validate_together(const Spec& spec, const Columns& columns);
// Names: 1 to 255 bytes of printable UTF-8 without control characters; `field` is what the error calls it.
Result<> validate_name(std::string_view name, std::string_view field);

}  // namespace joinery
