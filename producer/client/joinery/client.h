// The client of a Joinery broker: submit jobs, wait for them, read their results, look around.
//
//   joinery::Client client("tcp://127.0.0.1:7733");
//   auto id = client.submit("resize", joinery::pack("cat.jpg", 75)).get();  // pack: <joinery/pack.h>
//   client.join_queue("default");
//   auto result = client.result(id);  // of a job with spec.result_ttl_s
//
// Threads: one Client may be used by any number of threads at a time. It has one thread of its own, which
// owns the connection; a few frames per queue are under way at a time, and submits are coalesced into the
// next one meanwhile. Callbacks come from that thread, or from one that stands in for it (attend): they must
// be short, must not throw, and may submit, but get invalid_state from what waits.
//
// Connections: it reconnects by itself, with the same session, and repeats every request that has no answer;
// the broker knows which it has done, so nothing is doubled, unless the broker lost the session (with its
// data directory, or an hour after the client was heard last): a submit whose answer was lost with it may
// then be done twice. While there is no connection, submits and everything that waits go on trying for
// options.timeout, counted from the call or the loss, whichever is later; then they get broker_unreachable. A
// submit that got that may have been accepted. A call's own timeout that ends while there is no connection is
// told as broker_unreachable, too.
//
// Errors: what a call cannot do is thrown as joinery::ClientError, whose code is one of shared/base/error.h.
// An endpoint that is none is thrown by the constructor (invalid_argument); a broker that refuses the client
// for good (unsupported_version) by every call. What is wrong with a submit is told by its future or
// callback.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/error.h"
#include "shared/job/job.h"
#include "shared/results/results.h"

namespace joinery {

class ClientError : public std::runtime_error {
 public:
  explicit ClientError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  Code code() const { return error_.code; }
  const Error& error() const { return error_; }

 private:
  Error error_;
};

struct ClientOptions {
  std::string endpoint = "tcp://127.0.0.1:7733";
  std::string name;  // shown in `joinery status`; default: the program's name
  // For an answer, and for the first connection; negative: wait for ever.
  std::chrono::milliseconds timeout{10'000};
  std::size_t window_jobs = 65'536;  // jobs under way before submit blocks
  std::size_t window_bytes = 64U << 20U;
  std::size_t frame_jobs = 1024;  // most jobs of one frame
  bool tool = false;              // role in the hello
  // Called from the client's thread, once per pair, when jobs were accepted whose handler no connected worker
  // has: they wait until one comes. Must be short and must not throw.
  std::function<void(const std::string& handler, const std::string& queue)> on_no_handler;
};

// Options of a submission; the defaults are those of Spec.
struct SubmitOptions {
  std::string queue = "default";
  Spec spec;  // spec.handler is set from the argument
  BatchId batch = 0;
  std::optional<std::chrono::milliseconds> delay;
  std::optional<Wall> run_at;
  std::optional<Wall> expires_at;
  std::int64_t priority = 0;
  std::string key;
  std::string unique_key;              // what it means: spec.unique
  std::optional<Wall> deadline;        // of the whole job: not finished by then, it is stopped
  std::vector<JobId> after;            // jobs, and...
  std::vector<BatchId> after_batches;  // ... batches that come first: spec.after says what of them
  bool watch = false;                  // tell this client the outcome: needed for on_outcome and cheap wait()
  bool refuse_when_full = false;       // else the put waits for room...
  std::optional<std::chrono::milliseconds> full_timeout;  // ... for so long
};

// A job of a flow (Client::submit_flow).
struct FlowPart {
  std::string handler;
  Buffer payload;
  SubmitOptions options;  // without batch, refuse_when_full and full_timeout; `watch` of one is of all
  std::vector<std::size_t> after;  // parts of the flow that come first, counted from 0: all before this one
};
struct SubmittedFlow {
  BatchId batch = 0;
  std::vector<JobId> jobs;  // as the parts
};

struct JobOutcome {
  JobId job = 0;
  bool known = true;  // false: the broker has forgotten it (or never knew it)
  Outcome outcome = Outcome::succeeded;
  Token token;
  Failure failure;
  // Came along (spec.result_inline_max): msgpack. Is nowhere else, so whoever was not connected when the job
  // ended does not get it.
  std::optional<Buffer> result = {};
};

class Client {
 public:
  explicit Client(ClientOptions options);
  explicit Client(std::string endpoint);
  ~Client();  // sends what was submitted and waits for its confirmation, at most options.timeout
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Gives up at once: what has no answer gets `closed`, and what waits for room in a full queue is withdrawn.
  // Only the destructor may be called afterwards.
  void close();

  // Waits for the welcome; no other call needs it. Throws broker_unreachable after the timeout.
  void connect();

  // One job. Returns at once unless the window is full; the future is ready when the job is accepted (durable
  // at its queue's level).
  std::future<JobId> submit(std::string handler, Buffer payload, const SubmitOptions& options = {});
  // The same with a callback (may be empty), from the client's thread, or from the caller's before it returns
  // if the arguments are wrong.
  void submit(std::string handler, Buffer payload, const SubmitOptions& options,
              std::function<void(Result<JobId>)> accepted);
  // Many jobs with the same options as one group (at most limits::jobs_per_frame_max): consecutive ids, from
  // the one returned. The cheapest way. `payloads` are copied before it returns.
  std::future<JobId> submit_many(std::string handler, const std::vector<Bytes>& payloads,
                                 const SubmitOptions& options = {});
  // The same with a callback, as for one job.
  void submit_many(std::string handler, std::span<const Bytes> payloads, const SubmitOptions& options,
                   std::function<void(Result<JobId>)> accepted);
  // Jobs that come after each other, in a batch of their own: all are accepted, before any of them runs, or
  // none, and then there is no batch. At most limits::jobs_per_frame_max, and as much as a frame holds. Waits
  // for its answer, but not for room in a full queue (queue_full). An error about one of them has a field
  // that begins with "groups[N].", N as in `parts`.
  SubmittedFlow submit_flow(const std::string& name, std::span<const FlowPart> parts);
  // For a caller that waits for what it submits, and for whom each change of threads counts: calls `begin`,
  // and then does the work of the client's thread in this one until `done` says yes, asked whenever something
  // may have happened here; what others do to make it true, they follow with recall(). False: it cannot stand
  // in now (another does, or the thread is at work, or the client was closed), so wait for it in another way.
  bool attend(const std::function<void()>& begin, const std::function<bool()>& done);
  void recall();
  // Waits until all that was submitted before is answered: for ever if it waits for room in a full queue.
  // Throws the first error since the last flush.
  void flush();

  BatchId open_batch(std::string name = {});

  // Waits until none of them is unfinished. nullopt timeout: for ever. Throws timed_out.
  Counts join_queue(const std::string& queue, std::optional<std::chrono::milliseconds> timeout = {});
  Counts join_batch(BatchId batch, std::optional<std::chrono::milliseconds> timeout = {});
  // Waits for the outcome of each job, in the order given. A job that the broker does not know (any more) has
  // known = false.
  std::vector<JobOutcome> wait(const std::vector<JobId>& jobs,
                               std::optional<std::chrono::milliseconds> timeout = {});
  // Called from the client's thread for every outcome of jobs that were submitted with `watch`, once each,
  // before a wait() for it returns. Set it before the first such submit.
  void on_outcome(std::function<void(const JobOutcome&)> call);

  // Waits for the outcome, then reads the result from Redis if it did not come along: that of the delivery
  // that counts, never a late one's. A job without success is no exception here: `outcome` and `failure`
  // tell. If the broker has forgotten the job, what Redis has is returned. Throws no_result, timed_out,
  // unknown_job, redis_unreachable.
  results::Stored result(JobId job, std::optional<std::chrono::milliseconds> timeout = {});
  // What is in Redis now, a thousand per round trip; nullopt where there is nothing. Waits for no outcome, so
  // it may be that of a delivery that was superseded.
  std::vector<std::optional<results::Stored>> results(const std::vector<JobId>& jobs);
  // The same, and Redis forgets them: for those whose results only this client reads.
  std::vector<std::optional<results::Stored>> take_results(const std::vector<JobId>& jobs);

  // A verb of docs/protocol.md with its arguments and result as msgpack maps: the command line's `queue`,
  // `job`, `dead`, `worker`, `stats`.
  Buffer request(const std::string& verb, Bytes arguments,
                 std::optional<std::chrono::milliseconds> timeout = {});
  // The same, and returns at once: what comes of it is not told, nor waited for by flush() or the destructor.
  // Callbacks may call it.
  void request_quietly(std::string verb, Buffer arguments);

  // Where the broker's Redis is, and the namespace of its keys: from the welcome.
  std::string redis_url();
  SessionId broker_id();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery
