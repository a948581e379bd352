// How a pool ends: closed, joined, terminated; and what is cancelled on the way.
#include <algorithm>
#include <span>

#include "producer/sdk/runner.h"
#include "shared/base/longest_wait.h"
#include "shared/protocol/value.h"

namespace joinery::sdk {
namespace {

using protocol::Value;

constexpr auto abandoned_grace = std::chrono::hours(24);  // runs of an imap that was dropped

constexpr std::size_t jobs_per_request = 4096;  // far below any broker's frame_max

// Arguments of job.cancel, for some of the jobs each.
std::vector<Buffer> cancellations(std::span<const JobId> jobs, std::chrono::milliseconds grace) {
  std::vector<Buffer> requests;
  for (; !jobs.empty(); jobs = jobs.subspan(std::min(jobs.size(), jobs_per_request))) {
    Value arguments = Value::map();
    Value ids = Value::array();
    for (const JobId job : jobs.first(std::min(jobs.size(), jobs_per_request))) ids.push(job);
    arguments.set("jobs", std::move(ids)).set("grace_ms", grace.count());
    requests.push_back(protocol::encode(arguments));
  }
  return requests;
}

}  // namespace

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
  } else if (!all_answered_.wait_for(lock, at_longest(*timeout), done)) {
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
  try {
    std::uint64_t number = 0;
    for (const Buffer& request : cancellations(jobs, grace)) {
      const auto reply = protocol::decode_map(client_.request("job.cancel", request));
      if (reply) number += reply->u64_or("number", 0).value_or(0);
    }
    return number == jobs.size();
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

void Runner::cancel_unwanted() {
  std::vector<JobId> jobs;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_ || broken_) return;
    for (const auto& [id, job] : pending_) {
      if (!job.sink->wanted()) jobs.push_back(id);
    }
  }
  let_end(jobs);
}

// What has not begun need not. What runs may end by itself; a chunk looks between its items.
void Runner::let_end(const std::vector<JobId>& jobs) {
  for (Buffer& request : cancellations(jobs, abandoned_grace)) {
    client_.request_quietly("job.cancel", std::move(request));
  }
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
