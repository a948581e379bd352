// Messages to frames and back. Decoding trusts nothing: it has limits on size, depth and counts, allocates in
// proportion to what is really there, and names the field that is wrong.
//
// Threads: none of its own; every function may be called from any thread on its own data.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/job/job.h"
#include "shared/protocol/messages.h"

namespace joinery::protocol {

// Appends the frame of `message` to `frame`. The overloads spare large messages the move into a Message.
void encode(const Message& message, Buffer& frame);
void encode(const Submit& submit, Buffer& frame);
void encode(const Accepted& accepted, Buffer& frame);
void encode(const Finish& finish, Buffer& frame);
void encode(const Acked& acked, Buffer& frame);
void encode(const Outcomes& outcomes, Buffer& frame);

// Views in the message point into `frame`. Errors: malformed_frame, unknown_message, unknown_field,
// invalid_argument.
Result<Message> decode(Bytes frame);

// A Spec as the raw msgpack map of a group. Only what differs from the defaults is written. Equal specs give
// equal bytes.
void encode_spec(const Spec& spec, Buffer& out);
// Also checks the values (validate).
Result<Spec> decode_spec(Bytes raw);

// --- The hot paths, which the broker and the supervisor use instead of Message so that a job costs no
// allocation ---

// A group whose spec stays raw (the broker interns by its bytes) and whose payloads are views. Columns are
// decoded only if present.
struct RawGroup {
  Bytes queue;
  Bytes spec;  // raw map
  BatchId batch = 0;
  JobId parent = 0;
  std::vector<Bytes> payloads;
  std::vector<std::uint32_t> sizes;  // of the payloads
  Columns columns;
  bool has_columns = false;
};
// A submit without its groups' Specs. Reuses the memory of `out` from call to call.
struct RawSubmit {
  std::uint64_t sequence = 0;
  std::uint64_t confirmed = 0;
  bool park = true;
  std::optional<std::uint64_t> timeout_ms;
  bool watch = false;
  Token under;
  std::optional<Bytes> flow;
  std::vector<RawGroup> groups;
  std::size_t group_count = 0;  // groups beyond it are spare memory
};
// Checks all but what is in the specs (decode_spec does): queue names, columns, number and sizes of payloads.
// After an error out.sequence is the frame's, or 0 if the frame is wrong before it.
Result<> decode_submit(Bytes frame, std::size_t payload_max, RawSubmit& out);
Result<> decode_finish(Bytes frame, Finish& out);
// The specs stay raw, and are not looked at.
Result<> decode_dispatch(Bytes frame, Dispatch& out);

// The type of a frame, without looking at the rest.
Result<Type> type_of(Bytes frame);

// Writes a dispatch frame piece by piece: begin, then per group begin_group and its jobs.
// A payload is appended by the caller to `frame()` between begin_job (which writes its length) and the next
// call, which is inputs() if begin_job was told that the job has some.
class DispatchWriter {
 public:
  void begin(Buffer& frame, std::uint32_t groups);
  void begin_group(Bytes queue, Bytes raw_spec, std::uint32_t epoch, std::uint32_t jobs);
  void begin_job(JobId job, std::uint32_t attempt, BatchId batch, JobId parent, std::uint32_t payload_size,
                 bool has_inputs = false);
  void inputs(std::span<const JobId> jobs);
  Buffer& frame() { return *frame_; }

 private:
  Buffer* frame_ = nullptr;
};

}  // namespace joinery::protocol
