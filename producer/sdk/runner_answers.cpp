// The answers that come, from the callback thread.
#include <algorithm>

#include "producer/sdk/chunk.h"
#include "producer/sdk/runner.h"

namespace joinery::sdk {
namespace {

constexpr auto redis_pause = std::chrono::milliseconds(100);
constexpr auto redis_patience = std::chrono::seconds(10);

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
  bool wanted() const override { return whole_.sink->wanted(); }

 private:
  Pending whole_;
  std::vector<Answer> answers_;
  std::size_t missing_;  // the callback thread's alone
};

std::shared_ptr<const Failure> Runner::failure_of(const Error& error) {
  return std::make_shared<Failure>(Failure{error.code, "joinery", error.message, {}, {}});
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
  if (!job.sink->wanted()) return false;
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
  if (!inline_ || job.repeated || !job.sink->wanted()) return false;
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

}  // namespace joinery::sdk
