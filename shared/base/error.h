// The one table of errors: code, word, whether the caller may retry, meaning. What the wire, the command
// line, the SDK's exceptions and docs/protocol.md call an error comes from here.
//
// To add one: add a line at the end of its group with the next free number (numbers are never used again),
// and its line in docs/protocol.md (a test compares the two).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace joinery {

// X(name, number, retry, meaning)
#define JOINERY_ERRORS(X)                                                                          \
  /* 1xx: what was sent is not understood */                                                       \
  X(malformed_frame, 100, false, "the frame is not the msgpack that the protocol describes")       \
  X(unsupported_version, 101, false, "the peer speaks a protocol version that this side does not") \
  X(unknown_message, 102, false, "the message type is not known")                                  \
  X(frame_too_large, 103, false, "the frame is larger than the broker's limit")                    \
  X(no_session, 104, true, "a message came before hello, or its session has ended")                \
  X(session_taken, 105, false, "another live connection uses this session id")                     \
  X(wrong_role, 106, false, "the session's role may not send this message")                        \
  /* 2xx: an argument is wrong */                                                                  \
  X(invalid_argument, 200, false, "a field has a value that is not allowed")                       \
  X(unknown_field, 201, false, "a field is not known")                                             \
  X(payload_too_large, 202, false, "a payload is larger than the limit")                           \
  X(unknown_queue, 203, false, "there is no queue of this name")                                   \
  X(unknown_job, 204, false, "there is no job of this id")                                         \
  X(unknown_batch, 205, false, "there is no batch of this id")                                     \
  X(unknown_worker, 206, false, "there is no worker of this name")                                 \
  X(invalid_state, 207, false, "the job's state does not allow this")                              \
  X(unknown_verb, 208, false, "the command is not known")                                          \
  X(duplicate_job, 209, false, "a job with this unique key exists")                                \
  X(unknown_schedule, 210, false, "there is no schedule of this name")                             \
  X(unknown_limit, 211, false, "no limit is set for this pattern")                                 \
  /* 3xx: not now */                                                                               \
  X(queue_full, 300, true, "the queue holds maxsize jobs")                                         \
  X(disk_full, 301, true, "the journal has no room for new jobs")                                  \
  X(shutting_down, 302, true, "the broker is stopping")                                            \
  X(too_many, 303, true, "the sender has more under way than it may")                              \
  X(timed_out, 304, true, "no answer came in time")                                                \
  X(broker_unreachable, 305, true, "no broker answers at the endpoint")                            \
  X(redis_unreachable, 306, true, "Redis does not answer")                                         \
  X(queue_paused, 307, true, "the queue is paused")                                                \
  X(closed, 308, false, "the object was closed")                                                   \
  /* 4xx: deliveries */                                                                            \
  X(stale_delivery, 400, false, "the delivery token is not the job's current one")                 \
  /* 5xx: how a job ended (in results, dead letters and outcomes) */                               \
  X(handler_error, 500, true, "the handler threw or exited with a failure")                        \
  X(unknown_handler, 501, false, "no such handler in the worker")                                  \
  X(malformed_payload, 502, false, "the payload does not fit the handler's arguments")             \
  X(unencodable_result, 503, false, "the result cannot be encoded, or is larger than the limit")   \
  X(command_not_found, 504, false, "the command does not exist or cannot be executed")             \
  X(soft_time_limit, 505, true, "the handler ran over its soft time limit")                        \
  X(hard_time_limit, 506, true, "the handler ran over its hard time limit and was killed")         \
  X(memory_limit, 507, true, "the pool process used more memory than allowed and was killed")      \
  X(process_died, 508, true, "the pool process died while it ran the job")                         \
  X(worker_lost, 509, true, "the worker was lost while it held the job")                           \
  X(cancelled, 510, false, "the job was cancelled")                                                \
  X(expired, 511, false, "the job was not started before it expired")                              \
  X(missing_payload, 512, false, "the payload could not be read back from the journal")            \
  X(start_failed, 513, true, "the pool process could not be started")                              \
  /* 6xx: state kept on disk or in Redis */                                                        \
  X(journal_corrupt, 600, false, "a record below what was durable does not check")                 \
  X(journal_locked, 601, false, "another broker uses this data directory")                         \
  X(io_error, 602, false, "the operating system reported an error on a file")                      \
  X(no_result, 603, false, "the job keeps no result, or it has expired")                           \
  X(wrong_type, 604, false, "the value has another type than was expected")                        \
  X(unsupported_format, 605, false, "the data directory was written by a newer version")           \
  /* 7xx: set-up */                                                                                \
  X(invalid_config, 700, false, "the configuration has a mistake")                                 \
  X(endpoint_taken, 701, false, "the endpoint is in use")                                          \
  /* 9xx */                                                                                        \
  X(internal, 900, false, "a mistake of ours")

enum class Code : std::uint16_t {
  ok = 0,
#define X(name, number, retry, meaning) name = number,
  JOINERY_ERRORS(X)
#undef X
};

// The word of a code ("queue_full"), as it appears in --json output and docs. "unknown_code" for a number
// that is not in the table.
std::string_view word(Code code);
// One sentence of meaning.
std::string_view meaning(Code code);
// Whether the same request may succeed later without a change.
bool may_retry(Code code);
// The code of a number from the wire; nullopt-like Code::internal if unknown.
Code code_from_number(std::uint64_t number);

// An expected failure. `message` says what was wrong and what was expected, and names `field` if there is
// one.
struct Error {
  Code code = Code::internal;
  std::string message;
  std::string field;

  bool operator==(const Error&) const = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// `return fail(Code::queue_full, "...")` in a function that returns a Result.
inline std::unexpected<Error> fail(Code code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}

}  // namespace joinery
