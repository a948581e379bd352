// The client of a Joinery broker: submit jobs, wait for them, read their results, look around.
//
//   joinery::Client client("tcp://127.0.0.1:7733");
//   auto id = client.submit("resize", joinery::pack("cat.jpg", 75)).get();     // confirmed: on disk
//   client.join_queue("default");
//   auto result = client.result(id);
//
// Threads: one Client may be used by any number of threads at a time. It has one thread of its own, which
// owns the connection; submits are coalesced into the next frame while the last one is under way. Errors:
// what a call cannot do is thrown as joinery::ClientError, whose code is one of shared/base/error.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
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
  std::chrono::milliseconds timeout{
      10'000};                       // for an answer, and for the first connection; negative: wait for ever
  std::size_t window_jobs = 65'536;  // jobs under way before submit blocks
  std::size_t window_bytes = 64U << 20U;
  std::size_t frame_jobs = 1024;  // most jobs of one frame
  bool tool = false;              // role in the hello
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
  std::string unique_key;
  bool watch = false;             // tell this client the outcome: needed for on_outcome and cheap wait()
  bool refuse_when_full = false;  // else the put waits for room...
  std::optional<std::chrono::milliseconds> full_timeout;  // ... for so long
};

struct JobOutcome {
  JobId job = 0;
  bool known = true;  // false: the broker has forgotten it (or never knew it)
  Outcome outcome = Outcome::succeeded;
  Token token;
  Failure failure;
};

class Client {
 public:
  explicit Client(ClientOptions options);
  explicit Client(std::string endpoint);
  ~Client();  // sends what was submitted and waits for its confirmation, at most options.timeout
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Waits for the welcome. Else the first call that needs an answer does. Throws broker_unreachable after the
  // timeout.
  void connect();

  // One job. Returns at once unless the window is full; the future is ready when the job is accepted (durable
  // at its queue's level).
  std::future<JobId> submit(std::string handler, Buffer payload, const SubmitOptions& options = {});
  // The same with a callback from the client's thread: must be short and must not call the client's blocking
  // functions.
  void submit(std::string handler, Buffer payload, const SubmitOptions& options,
              std::function<void(Result<JobId>)> accepted);
  // Many jobs with the same options as one group (at most limits::jobs_per_frame_max): consecutive ids, from
  // the one returned. The cheapest way. `payloads` are copied before it returns.
  std::future<JobId> submit_many(std::string handler, const std::vector<Bytes>& payloads,
                                 const SubmitOptions& options = {});
  // Waits until all that was submitted is accepted. Throws the first error.
  void flush();

  BatchId open_batch(std::string name = {});

  // Waits until none of them is unfinished. nullopt timeout: for ever. Throws timed_out.
  Counts join_queue(const std::string& queue, std::optional<std::chrono::milliseconds> timeout = {});
  Counts join_batch(BatchId batch, std::optional<std::chrono::milliseconds> timeout = {});
  // Waits for the outcome of each job, in the order given.
  std::vector<JobOutcome> wait(const std::vector<JobId>& jobs,
                               std::optional<std::chrono::milliseconds> timeout = {});
  // Called from the client's thread for every outcome of jobs that were submitted with `watch`.
  void on_outcome(std::function<void(const JobOutcome&)> call);

  // Waits for the outcome, then reads the result from Redis. Throws no_result, timed_out, unknown_job; a
  // failed job is no exception here.
  results::Stored result(JobId job, std::optional<std::chrono::milliseconds> timeout = {});
  // What is in Redis now.
  std::vector<std::optional<results::Stored>> results(const std::vector<JobId>& jobs);

  // A verb of docs/protocol.md with its arguments and result as msgpack maps: the command line's `queue`,
  // `job`, `dead`, `worker`, `stats`.
  Buffer request(const std::string& verb, Bytes arguments,
                 std::optional<std::chrono::milliseconds> timeout = {});

  // Where the broker's Redis is, and the namespace of its keys: from the welcome.
  std::string redis_url();
  SessionId broker_id();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery
