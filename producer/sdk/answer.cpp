#include "joinery/answer.h"

#include <fmt/format.h>

#include <cstdio>

#include "producer/sdk/chunk.h"
#include "shared/base/longest_wait.h"

namespace joinery {
namespace {

std::string describe(const Failure& failure, const std::string& task) {
  std::string text =
      fmt::format("task {}: {}", task, failure.type.empty() ? word(failure.code) : failure.type);
  if (!failure.message.empty()) text += ": " + failure.message;
  if (!failure.where.empty()) text += " (" + failure.where + ")";
  return text;
}

}  // namespace

RemoteError::RemoteError(std::shared_ptr<const Failure> failure, const std::string& task)
    : Exception(failure->code, describe(*failure, task)), failure_(std::move(failure)), task_(task) {}

namespace sdk {
namespace {

thread_local bool callback_thread = false;

}  // namespace

bool in_callback_thread() { return callback_thread; }
void become_callback_thread() { callback_thread = true; }

void run_callback(const std::function<void()>& call) noexcept {
  try {
    call();
  } catch (const std::exception& error) {
    fmt::print(stderr, "joinery: a callback threw: {}\n", error.what());
  } catch (...) {
    fmt::print(stderr, "joinery: a callback threw something that is no std::exception\n");
  }
}

Cell::Cell(Shape shape) : shape_(std::move(shape)), answers_(shape_.items.size()), missing_(answers_.size()) {
  ready_ = missing_ == 0;
}

bool Cell::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

bool Cell::wait(Timeout timeout) const {
  std::unique_lock lock(mutex_);
  if (ready_) return true;
  if (timeout && timeout->count() <= 0) return false;
  if (callback_thread) {
    throw Exception(Code::invalid_state,
                    "a callback may not wait for a result: its thread brings the results");
  }
  const auto is_ready = [this] { return ready_; };
  if (timeout) return changed_.wait_for(lock, at_longest(*timeout), is_ready);
  changed_.wait(lock, is_ready);
  return true;
}

void Cell::then(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    if (!ready_) return then_.push_back(std::move(call));
  }
  run_callback(call);
}

bool Cell::succeeded() const {
  for (const Answer& answer : answers_) {
    if (!all_succeeded(answer, shape_.chunked)) return false;
  }
  return true;
}

std::shared_ptr<const Failure> Cell::failure() const {
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    if (all_succeeded(answers_[i], shape_.chunked)) continue;
    for (const Item& item : items_of(answers_[i], shape_.chunked, shape_.items[i])) {
      if (item.failure) return item.failure;
    }
  }
  return nullptr;
}

JobId Cell::job() const {
  const std::lock_guard lock(mutex_);
  return job_;
}

JobId Cell::wait_job() const {
  std::unique_lock lock(mutex_);
  accepted_.wait(lock, [this] { return job_ != 0 || ready_; });
  return job_;
}

void Cell::accepted(std::size_t index, JobId job) {
  if (index != 0) return;
  const std::lock_guard lock(mutex_);
  job_ = job;
  accepted_.notify_all();
}

void Cell::answered(std::size_t index, Answer answer) {
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    answers_[index] = std::move(answer);
    if (--missing_ > 0) return;
    ready_ = true;
    calls.swap(then_);
  }
  tell_ready();
  for (const auto& call : calls) run_callback(call);
}

bool Cell::answered_quietly(std::size_t index, Answer& answer) {
  {
    const std::lock_guard lock(mutex_);
    if (missing_ == 1 && !then_.empty()) return false;
    answers_[index] = std::move(answer);
    if (--missing_ > 0) return true;
    ready_ = true;
  }
  tell_ready();
  return true;
}

// Without the lock, so that nobody wakes only to wait for it.
void Cell::tell_ready() {
  changed_.notify_all();
  accepted_.notify_all();
}

void UntilReady::await_suspend(std::coroutine_handle<> here) {
  if (!waiting::Strand::any()) return cell_->then([here] { here.resume(); });
  auto tell = told_.emplace().teller();
  told_->await_suspend(here);
  cell_->then(std::move(tell));
}

}  // namespace sdk
}  // namespace joinery
