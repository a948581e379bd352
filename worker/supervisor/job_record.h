// The supervisor's records of the jobs that it holds: pooled and linked, so that a job costs no allocation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::worker {

// A dispatch frame: kept until each of its payloads has been copied to a process.
using DispatchFrame = std::shared_ptr<const Buffer>;

// Moving average of what a job takes, in microseconds.
class RunTime {
 public:
  bool known() const { return known_; }
  double us() const { return us_; }
  void add(double sample_us) {
    us_ = known_ ? us_ + (sample_us - us_) / 4 : sample_us;
    known_ = true;
  }

 private:
  double us_ = 0;
  bool known_ = false;
};

struct HandlerStats {
  std::size_t pool = 0;
  RunTime run_time;
};

// What the jobs of a dispatch group share: one per distinct queue and spec.
struct JobKind {
  std::string queue;
  Spec spec;
  HandlerStats* handler = nullptr;  // null: no pool has it
  std::size_t jobs = 0;             // records that point here

  bool limited() const { return spec.soft_timeout_ms != 0 || spec.hard_timeout_ms != 0; }
  // REQUIRES: limited()
  Duration least_limit() const {
    const std::uint32_t soft = spec.soft_timeout_ms ? spec.soft_timeout_ms : UINT32_MAX;
    const std::uint32_t hard = spec.hard_timeout_ms ? spec.hard_timeout_ms : UINT32_MAX;
    return std::chrono::milliseconds(std::min(soft, hard));
  }
};

// One job that the supervisor holds: in the backlog of a pool, or fed to a process.
struct Job {
  Token token;
  BatchId batch = 0;
  JobKind* kind = nullptr;
  Bytes payload;        // this and...
  Bytes inputs;         // ... these: until it is fed
  DispatchFrame frame;  // what the payload points into
  Mono fed_at{};
  Mono kill_at = never_mono;  // of a revoked one: when its grace ends
  std::uint32_t estimated_us = 0;
  bool revoked = false;
  bool soft_told = false;
  bool called_back = false;  // should be handed back if it has not started
  Job* previous = nullptr;
  Job* next = nullptr;
};

// A doubly linked list through the records; does not own them.
class JobList {
 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  Job* front() const { return head_; }

  void push_back(Job* job) {
    job->previous = tail_;
    job->next = nullptr;
    (tail_ ? tail_->next : head_) = job;
    tail_ = job;
    ++size_;
  }
  void remove(Job* job) {
    JOINERY_CHECK(size_ > 0);
    (job->previous ? job->previous->next : head_) = job->next;
    (job->next ? job->next->previous : tail_) = job->previous;
    job->previous = job->next = nullptr;
    --size_;
  }
  // The jobs of a process come back nearly in the order in which it got them, so this looks at few.
  Job* find(JobId id) const {
    Job* job = head_;
    while (job && job->token.job != id) job = job->next;
    return job;
  }

 private:
  Job* head_ = nullptr;
  Job* tail_ = nullptr;
  std::size_t size_ = 0;
};

// Owns the records; a freed one is used again.
class JobStore {
 public:
  Job* take() {
    if (free_.empty()) return &records_.emplace_back();
    Job* job = free_.back();
    free_.pop_back();
    return job;
  }
  void give_back(Job* job) {
    *job = Job{};
    free_.push_back(job);
  }
  std::size_t held() const { return records_.size() - free_.size(); }

 private:
  std::deque<Job> records_;
  std::vector<Job*> free_;
};

}  // namespace joinery::worker
