// The engine beneath Pool and Executor: submits jobs, learns what has come of them, and tells their sinks.
//
// Two threads bring news: the client's (accepted, outcome), which must not wait, and the callback thread,
// which reads the results of all outcomes at hand in one round trip, tells the sinks, and runs what the user
// hung on them.
//
// A job of a private queue that the broker lost (it keeps none on disk) is submitted again, and so is one
// whose result came with its outcome while the client was away; a chunk whose
// process died, or that took too long or gave too large a result, is submitted again item by item, so that
// one item is no other's ruin.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "joinery/answer.h"
#include "joinery/client.h"
#include "joinery/pool_options.h"
#include "joinery/program.h"
#include "producer/sdk/private_worker.h"

namespace joinery::sdk {

class Runner {
 public:
  Runner(const Program& program, const PoolOptions& options);
  // terminate().
  ~Runner();

  // Jobs of one handler. Throws ValueError once closed.
  struct Jobs {
    std::string task;
    bool chunked = false;
    std::chrono::milliseconds timeout{0};
    std::vector<Buffer> payloads;
    std::vector<std::uint32_t> items;  // of each payload; empty: 1
    std::size_t first_index = 0;       // what the sink is told, and consecutive ones
    bool begun = false;                // of a stream that was opened before the pool was closed
  };
  void submit(Jobs jobs, std::shared_ptr<Sink> sink);
  // Somebody will submit more while he reads an input, also after close(); its processes stay for him. Throws
  // ValueError once closed.
  void open_stream();
  void end_stream();
  // Cancels what has not begun of the jobs whose sinks are not wanted any more; those that are accepted
  // later, then. Waits for nothing.
  void cancel_unwanted();

  // Client::attend, unless this is the callback thread.
  void attend(const std::function<void()>& begin, const std::function<bool()>& done);

  // Handlers that can run at a time, as far as is known.
  std::size_t slots();
  const PoolOptions& options() const { return options_; }
  Client& client() { return client_; }

  void close();
  bool closed() const;
  // Waits until every job has its answer, and its callbacks have run; then the private worker ends. False:
  // not in time. REQUIRES: closed.
  bool join(Timeout timeout);
  // Every job without answer gets `cancelled`, and is cancelled; the private worker ends.
  void terminate();
  // Whether the broker agreed, to all of them; it tells the outcomes, if so.
  bool cancel(const std::vector<JobId>& jobs, std::chrono::milliseconds grace);
  // Cancels what has not been handed to a worker, and whatever streams submit from now on.
  void cancel_waiting();
  // "ready", "running", ...; empty: not known.
  std::string state_of(JobId job);

 private:
  // What jobs of one submit share.
  struct Kind {
    std::string task;
    bool chunked;
    std::chrono::milliseconds timeout;
  };
  struct Pending {
    std::shared_ptr<const Kind> kind;
    std::shared_ptr<Sink> sink;
    std::size_t index = 0;
    Buffer payload;
    std::uint32_t items = 1;
    bool repeated = false;  // for want of its result
  };
  struct Arrived {
    Pending job;
    JobOutcome outcome;
    std::shared_ptr<const Failure> failure;  // that was made here
  };
  // A submit without answer yet. Whoever takes the jobs out, answers for them.
  using Sent = std::vector<Pending>;
  class Rejoin;
  static std::shared_ptr<const Failure> failure_of(const Error& error);

  void configure_queue();
  void require_declared(const Kind& kind) const;
  static std::string handler_of(const Kind& kind);
  void refuse_as_cancelled(const char* why);
  void flush_quietly();
  void send(std::vector<Pending> jobs);
  SubmitOptions submit_options(const Kind& kind) const;
  void accepted(const std::shared_ptr<Sent>& sent, const Result<JobId>& first);
  void let_end(const std::vector<JobId>& jobs);
  void arrived(const JobOutcome& outcome);
  void fail(std::vector<Pending>& jobs, const std::shared_ptr<const Failure>& failure);  // REQUIRES: mutex_
  void stop_worker();
  void fail_all(const Failure& failure);
  void run();
  void settle(std::vector<Arrived> batch);
  std::vector<std::optional<results::Stored>> read(const std::vector<JobId>& jobs, Error& error);
  void settle_one(Arrived& arrived, std::optional<results::Stored>* stored, const Error& error);
  bool again(Arrived& arrived);
  bool lost_on_the_way(Pending& job);
  void answer(Pending& job, Answer answer);
  void split(Pending job);

  const PoolOptions options_;
  const bool private_;
  const bool inline_;  // small results come with the outcome
  const std::string queue_;

  std::mutex stop_mutex_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;       // for the callback thread
  std::condition_variable all_answered_;  // for join()
  std::unordered_set<std::shared_ptr<Sent>> sent_;
  std::unordered_map<JobId, Pending> pending_;
  std::vector<Arrived> arrived_;
  std::size_t unanswered_ = 0;  // jobs whose sinks have not been told
  std::size_t slots_ = 0;
  std::size_t open_streams_ = 0;
  bool closed_ = false;
  bool stopping_ = false;
  std::shared_ptr<const Failure> cancelled_;  // what streams submit gets this
  std::shared_ptr<const Failure> broken_;     // every job gets this

  Client client_;
  std::unique_ptr<PrivateWorker> worker_;
  std::thread thread_;
};

}  // namespace joinery::sdk
