#include "producer/sdk/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "producer/sdk/chunk.h"
#include "shared/protocol/value.h"

namespace joinery::sdk {
namespace {

using protocol::Value;

constexpr std::size_t jobs_per_group = 1024;
constexpr std::size_t bytes_per_group = 1U << 20U;
constexpr std::uint32_t result_inline_max = 16U << 10U;

std::string private_queue() {
  std::random_device random;
  return fmt::format("pool-{:08x}{:08x}", random(), random());
}

ClientOptions client_options(const Program& program, bool own_worker) {
  ClientOptions options;
  options.endpoint = program.endpoint();
  if (own_worker) return options;
  options.on_no_handler = [](const std::string& handler, const std::string& queue) {
    fmt::print(stderr, "joinery: no worker of queue {} has the task {} (yet); its jobs wait for one\n", queue,
               handler);
  };
  return options;
}

void require(bool fact, const char* what) {
  if (!fact) throw ValueError(what);
}

void check_timeout(std::chrono::milliseconds timeout) {
  require(timeout.count() >= 0 && timeout < std::chrono::hours(24 * 49),
          "timeout: expected 0 (none) to 49 days");
}

void check(const PoolOptions& options) {
  const bool own_worker = options.queue.empty();
  require(own_worker || (options.processes == 0 && options.threads == 1 && options.concurrency == 1),
          "processes, threads, concurrency: those of a queue's workers are not the pool's to choose");
  require(own_worker || !options.initializer, "initializer: only for a pool with processes of its own");
  require(!options.initializer || options.initializer->descriptors.empty(),
          "initializer: a connection can be given to a Process only");
  require(own_worker || options.maxtasksperchild == 0,
          "maxtasksperchild: only for a pool with processes of its own");
  require(options.processes <= 1024, "processes: expected at most 1024");
  require(options.threads >= 1 && options.threads <= 63, "threads: expected 1 to 63");
  require(options.concurrency >= 1 && options.concurrency <= 1023 / options.threads,
          "concurrency: expected at least 1, and threads x concurrency at most 1023");
  require(options.attempts >= 1, "attempts: expected at least 1");
  require(options.crash_attempts >= 1, "crash_attempts: expected at least 1");
  check_timeout(options.timeout);
  require(options.result_ttl.count() >= 1 && options.result_ttl < std::chrono::hours(24 * 49),
          "result_ttl: expected one second to 49 days");
}

}  // namespace

Runner::Runner(const Program& program, const PoolOptions& options)
    : options_(options),
      private_(options.queue.empty()),
      inline_(private_ && options.durability == Durability::none),
      queue_(private_ ? private_queue() : options.queue),
      client_((check(options), program.check_not_child(), client_options(program, private_))) {
  client_.on_outcome([this](const JobOutcome& outcome) { arrived(outcome); });
  client_.connect();
  if (private_) {
    configure_queue();
    const WorkerSettings settings{.endpoint = program.endpoint(),
                                  .queue = queue_,
                                  .processes = options.processes,
                                  .threads = options.threads,
                                  .concurrency = options.concurrency,
                                  .max_jobs_per_process = options.maxtasksperchild,
                                  .initializer = options.initializer};
    worker_ = std::make_unique<PrivateWorker>(settings, [this](std::string why) {
      fail_all(Failure{Code::start_failed, "joinery", std::move(why), {}, {}});
      empty_queue(client_, queue_);
    });
  }
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Runner::~Runner() {
  terminate();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Runner::configure_queue() {
  Value arguments = Value::map();
  arguments.set("queue", queue_).set("durability", word(options_.durability));
  client_.request("queue.configure", protocol::encode(arguments));
}

std::size_t Runner::slots() {
  const std::lock_guard lock(mutex_);
  if (slots_ != 0) return slots_;
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  slots_ = private_
               ? (options_.processes ? options_.processes : cores) * options_.threads * options_.concurrency
               : 4 * cores;
  return slots_;
}

SubmitOptions Runner::submit_options(const Kind& kind) const {
  SubmitOptions options;
  options.queue = queue_;
  options.watch = true;
  options.spec.attempts = options_.attempts;
  options.spec.crash_attempts = options_.crash_attempts;
  options.spec.hard_timeout_ms = static_cast<std::uint32_t>(kind.timeout.count());
  options.spec.result_ttl_s = static_cast<std::uint32_t>(options_.result_ttl.count());
  if (inline_) options.spec.result_inline_max = result_inline_max;
  return options;
}

// Its own processes are this program: what it has not declared would wait for ever.
void Runner::require_declared(const Kind& kind) const {
  if (!private_ || is_declared(handler_of(kind))) return;
  throw Exception(Code::unknown_handler,
                  fmt::format("task {}: this program, which the pool's processes run, has no such task{}",
                              kind.task, kind.chunked ? " that takes chunks" : ""));
}

std::string Runner::handler_of(const Kind& kind) {
  return kind.chunked ? chunk_handler(kind.task) : kind.task;
}

void Runner::submit(Jobs jobs, std::shared_ptr<Sink> sink) {
  const auto kind = std::make_shared<const Kind>(std::move(jobs.task), jobs.chunked, jobs.timeout);
  require_declared(*kind);
  check_timeout(kind->timeout);
  {
    const std::lock_guard lock(mutex_);
    if (closed_ && !jobs.begun) throw ValueError("the pool is closed: it takes no more jobs");
    if (cancelled_) {
      for (std::size_t i = 0; i < jobs.payloads.size(); ++i) {
        sink->answered(jobs.first_index + i, {{}, cancelled_, Outcome::cancelled});
      }
      return;
    }
    unanswered_ += jobs.payloads.size();
  }
  std::vector<Pending> group;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < jobs.payloads.size(); ++i) {
    const std::size_t size = jobs.payloads[i].size();
    if (!group.empty() && (group.size() == jobs_per_group || bytes + size > bytes_per_group)) {
      send(std::exchange(group, {}));
      bytes = 0;
    }
    bytes += size;
    group.push_back({kind, sink, jobs.first_index + i, std::move(jobs.payloads[i]),
                     jobs.items.empty() ? 1 : jobs.items[i]});
  }
  if (!group.empty()) send(std::move(group));
}

void Runner::attend(const std::function<void()>& begin, const std::function<bool()>& done) {
  in_callback_thread() ? begin() : static_cast<void>(client_.attend(begin, done));
}

// All of one kind.
void Runner::send(std::vector<Pending> jobs) {
  const auto kind = jobs.front().kind;
  std::vector<Bytes> payloads;
  payloads.reserve(jobs.size());
  for (const Pending& job : jobs) payloads.emplace_back(job.payload);
  const auto sent = std::make_shared<Sent>(std::move(jobs));
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return fail(*sent, broken_);
    sent_.insert(sent);
  }
  const SubmitOptions options = submit_options(*kind);
  std::string handler = handler_of(*kind);
  const auto tell = [this, sent](const Result<JobId>& first) { accepted(sent, first); };
  if (payloads.size() == 1) {
    client_.submit(std::move(handler), Buffer(payloads[0]), options, tell);
  } else {
    client_.submit_many(std::move(handler), payloads, options, tell);
  }
}

// In the client's thread, or in that of the caller if the arguments are wrong.
void Runner::accepted(const std::shared_ptr<Sent>& sent, const Result<JobId>& first) {
  const std::lock_guard lock(mutex_);
  if (sent_.erase(sent) == 0) return;  // given up meanwhile
  if (!first) return fail(*sent, failure_of(first.error()));
  JobId id = *first;
  std::vector<JobId> unwanted;
  for (Pending& job : *sent) {
    job.sink->accepted(job.index, id);
    if (!job.sink->wanted()) unwanted.push_back(id);
    pending_.emplace(id, std::move(job));
    ++id;
  }
  let_end(unwanted);
}

void Runner::arrived(const JobOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(outcome.job);
  if (found == pending_.end()) return;
  Pending job = std::move(found->second);
  pending_.erase(found);
  if (outcome.result) {
    Answer answer{*outcome.result, nullptr, Outcome::succeeded};
    if (job.sink->answered_quietly(job.index, answer)) {
      if (--unanswered_ == 0) all_answered_.notify_all();
      return;
    }
  }
  arrived_.push_back({std::move(job), outcome, nullptr});
  if (arrived_.size() == 1) changed_.notify_all();
}

void Runner::fail(std::vector<Pending>& jobs, const std::shared_ptr<const Failure>& failure) {
  for (Pending& job : std::exchange(jobs, {})) arrived_.push_back({std::move(job), {}, failure});
  changed_.notify_all();
}

void Runner::fail_all(const Failure& failure) {
  const std::lock_guard lock(mutex_);
  if (!broken_) broken_ = std::make_shared<const Failure>(failure);
  for (const auto& sent : std::exchange(sent_, {})) fail(*sent, broken_);
  std::vector<Pending> jobs;
  for (auto& [id, job] : pending_) jobs.push_back(std::move(job));
  pending_.clear();
  fail(jobs, broken_);
}

}  // namespace joinery::sdk
