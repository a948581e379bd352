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
constexpr auto redis_pause = std::chrono::milliseconds(100);
constexpr auto redis_patience = std::chrono::seconds(10);
constexpr auto abandoned_grace = std::chrono::hours(24);  // runs of an imap that was dropped

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
  require(options.timeout.count() >= 0 && options.timeout < std::chrono::hours(24 * 49),
          "timeout: expected 0 (none) to 49 days");
  require(options.result_ttl.count() >= 1 && options.result_ttl < std::chrono::hours(24 * 49),
          "result_ttl: expected one second to 49 days");
}

std::shared_ptr<const Failure> failure_of(const Error& error) {
  return std::make_shared<Failure>(Failure{error.code, "joinery", error.message, {}, {}});
}

// One item of a chunk may have caused these; its neighbours shall not pay for it.
bool one_items_fault(Code code) {
  return code == Code::process_died || code == Code::memory_limit || code == Code::hard_time_limit ||
         code == Code::unencodable_result;
}

}  // namespace

// Gathers the answers of the items of a chunk that are run one by one.
class Runner::Rejoin : public Sink {
 public:
  explicit Rejoin(Pending whole) : whole_(std::move(whole)), answers_(whole_.items), missing_(whole_.items) {}
  void answered(std::size_t index, Answer answer) override {
    answers_[index] = std::move(answer);
    if (--missing_ == 0) whole_.sink->answered(whole_.index, join_answers(answers_));
  }

 private:
  Pending whole_;
  std::vector<Answer> answers_;
  std::size_t missing_;  // the callback thread's alone
};

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
  for (Pending& job : *sent) {
    job.sink->accepted(job.index, id);
    pending_.emplace(id, std::move(job));
    ++id;
  }
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

void Runner::run() {
  become_callback_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !arrived_.empty(); });
    if (arrived_.empty()) return;
    std::vector<Arrived> batch = std::exchange(arrived_, {});
    lock.unlock();
    settle(std::move(batch));
    lock.lock();
  }
}

void Runner::settle(std::vector<Arrived> batch) {
  std::vector<JobId> succeeded;
  for (const Arrived& each : batch) {
    const bool stored = !each.failure && each.outcome.known && !each.outcome.result &&
                        each.outcome.outcome == Outcome::succeeded;
    if (stored) succeeded.push_back(each.outcome.job);
  }
  Error error;
  auto results = succeeded.empty() ? std::vector<std::optional<results::Stored>>{} : read(succeeded, error);
  std::size_t next = 0;
  for (Arrived& each : batch) {
    const bool has_result = next < succeeded.size() && each.outcome.job == succeeded[next] && !each.failure;
    if (has_result) ++next;
    settle_one(each, has_result && next <= results.size() ? &results[next - 1] : nullptr, error);
  }
}

// Redis may be away for a while; then everybody waits, as long as is reasonable.
std::vector<std::optional<results::Stored>> Runner::read(const std::vector<JobId>& jobs, Error& error) {
  const auto give_up = std::chrono::steady_clock::now() + redis_patience;
  for (;;) {
    try {
      return client_.take_results(jobs);
    } catch (const ClientError& failed) {
      error = failed.error();
      if (failed.code() != Code::redis_unreachable) return {};
    }
    std::unique_lock lock(mutex_);
    if (std::chrono::steady_clock::now() >= give_up) return {};
    if (changed_.wait_for(lock, redis_pause, [this] { return stopping_; })) return {};
  }
}

void Runner::settle_one(Arrived& arrived, std::optional<results::Stored>* stored, const Error& error) {
  const JobOutcome& outcome = arrived.outcome;
  if (arrived.failure) return answer(arrived.job, {{}, std::move(arrived.failure), Outcome::failed});
  if (again(arrived)) return;
  if (!outcome.known) {
    return answer(
        arrived.job,
        {{}, failure_of({Code::unknown_job, "the broker has forgotten the job", {}}), Outcome::failed});
  }
  if (outcome.outcome != Outcome::succeeded) {
    Failure failure = outcome.failure;
    if (outcome.outcome == Outcome::cancelled) failure.code = Code::cancelled;
    if (outcome.outcome == Outcome::expired) failure.code = Code::expired;
    return answer(arrived.job, {{}, std::make_shared<Failure>(std::move(failure)), outcome.outcome});
  }
  if (outcome.result) {
    return answer(arrived.job, {std::move(*arrived.outcome.result), nullptr, Outcome::succeeded});
  }
  if (stored == nullptr) return answer(arrived.job, {{}, failure_of(error), Outcome::failed});
  if (!*stored || (*stored)->token != outcome.token) {
    if (lost_on_the_way(arrived.job)) return;
    return answer(
        arrived.job,
        {{}, failure_of({Code::no_result, "the result is not in Redis (any more)", {}}), Outcome::failed});
  }
  answer(arrived.job, {std::move((*stored)->value), nullptr, Outcome::succeeded});
}

// Whether the job was submitted again instead.
bool Runner::again(Arrived& arrived) {
  const JobOutcome& outcome = arrived.outcome;
  Pending& job = arrived.job;
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return false;
  }
  if (!outcome.known && private_) {
    std::vector<Pending> one;
    one.push_back(std::move(job));
    send(std::move(one));
    return true;
  }
  const bool poisoned = outcome.known && outcome.outcome == Outcome::failed && job.kind->chunked &&
                        job.items > 1 && one_items_fault(outcome.failure.code);
  if (poisoned) split(std::move(job));
  return poisoned;
}

// The result came along with the outcome while this client was not connected: nobody has it. Once.
bool Runner::lost_on_the_way(Pending& job) {
  if (!inline_ || job.repeated) return false;
  job.repeated = true;
  std::vector<Pending> one;
  one.push_back(std::move(job));
  send(std::move(one));
  return true;
}

void Runner::split(Pending job) {
  std::vector<Buffer> items = split_items(job.payload);
  const auto kind = job.kind;
  std::vector<Pending> singles;
  job.payload.clear();
  const auto rejoin = std::make_shared<Rejoin>(std::move(job));
  for (std::size_t i = 0; i < items.size(); ++i) {
    singles.push_back({kind, rejoin, i, join_items({&items[i], 1}), 1});
  }
  {
    const std::lock_guard lock(mutex_);
    unanswered_ += singles.size() - 1;  // each of them instead of the chunk
  }
  send(std::move(singles));
}

void Runner::answer(Pending& job, Answer answer) {
  job.sink->answered(job.index, std::move(answer));
  client_.recall();
  const std::lock_guard lock(mutex_);
  if (--unanswered_ == 0) all_answered_.notify_all();
}

void Runner::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Runner::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Runner::open_stream() {
  const std::lock_guard lock(mutex_);
  if (closed_) throw ValueError("the pool is closed: it takes no more jobs");
  ++open_streams_;
}

void Runner::end_stream() {
  const std::lock_guard lock(mutex_);
  --open_streams_;
}

bool Runner::join(Timeout timeout) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return unanswered_ == 0; };
  if (!timeout) {
    all_answered_.wait(lock, done);
  } else if (!all_answered_.wait_for(lock, *timeout, done)) {
    return false;
  }
  const bool used = open_streams_ > 0;  // by an input that is still being read, perhaps after this
  lock.unlock();
  if (!used) stop_worker();
  return true;
}

void Runner::stop_worker() {
  const std::lock_guard lock(stop_mutex_);  // others who stop it wait, too
  std::unique_ptr<PrivateWorker> worker;
  {
    const std::lock_guard inner(mutex_);
    worker = std::move(worker_);
  }
}

void Runner::terminate() {
  std::vector<JobId> jobs;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    refuse_as_cancelled("the pool was terminated");
    for (const auto& [id, job] : pending_) jobs.push_back(id);
  }
  fail_all(Failure{Code::cancelled, "joinery", "the pool was terminated", {}, {}});
  if (private_) return stop_worker();
  if (!jobs.empty()) cancel(jobs, std::chrono::milliseconds(0));
}

// REQUIRES: mutex_.
void Runner::refuse_as_cancelled(const char* why) {
  if (!cancelled_) cancelled_ = failure_of({Code::cancelled, why, {}});
}

bool Runner::cancel(const std::vector<JobId>& jobs, std::chrono::milliseconds grace) {
  Value arguments = Value::map();
  Value ids = Value::array();
  for (const JobId job : jobs) ids.push(job);
  arguments.set("jobs", std::move(ids)).set("grace_ms", grace.count());
  try {
    const auto reply = protocol::decode_map(client_.request("job.cancel", protocol::encode(arguments)));
    return reply && reply->u64_or("number", 0).value_or(0) == jobs.size();
  } catch (const ClientError&) {
    return false;
  }
}

void Runner::flush_quietly() {
  try {
    client_.flush();
  } catch (const ClientError&) {
    // Those that were refused have their answer.
  }
}

// Nobody will ask for its answers: what has not begun need not. What runs may end by itself; a chunk looks
// between its items.
void Runner::abandon(const std::shared_ptr<Sink>& sink) {
  bool on_the_way = false;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_ || broken_) return;
    for (const auto& sent : sent_) on_the_way |= sent->front().sink == sink;
  }
  if (on_the_way) flush_quietly();
  std::vector<JobId> jobs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : pending_) {
      if (job.sink == sink) jobs.push_back(id);
    }
  }
  if (!jobs.empty()) cancel(jobs, abandoned_grace);
}

void Runner::cancel_waiting() {
  {
    const std::lock_guard lock(mutex_);
    refuse_as_cancelled("cancelled by shutdown");
  }
  flush_quietly();  // what was submitted is there to be cancelled
  if (private_) {
    return request_all(client_, "queue.purge", queue_);
  }
  std::vector<JobId> jobs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : pending_) jobs.push_back(id);
  }
  for (JobId job : jobs) {
    if (state_of(job) != "running") cancel({job}, std::chrono::milliseconds(0));
  }
}

std::string Runner::state_of(JobId job) {
  Value arguments = Value::map();
  arguments.set("job", job);
  try {
    const auto reply = protocol::decode_map(client_.request("job.show", protocol::encode(arguments)));
    return reply ? std::string(reply->str_or("state", "").value_or("")) : "";
  } catch (const ClientError&) {
    return {};
  }
}

}  // namespace joinery::sdk
