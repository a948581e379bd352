// What has come of jobs, before it is turned into C++ values: the part beneath AsyncResult, Imap and Future
// that knows no types.
#pragma once

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "joinery/remote_error.h"
#include "shared/base/bytes.h"
#include "shared/job/job.h"
#include "worker/waiting/strand.h"

namespace joinery {

// How long to wait. nullopt: for ever; zero or negative: not at all.
using Timeout = std::optional<std::chrono::milliseconds>;

namespace sdk {

// Of one job, or of one item of a chunk.
struct Answer {
  Buffer value;                            // msgpack; of a chunk: see chunk.h
  std::shared_ptr<const Failure> failure;  // null: it succeeded
  Outcome outcome = Outcome::succeeded;
};

// The items of a chunk's answer, in order; views into it. A chunk that failed as a whole: `items` times that.
struct Item {
  Bytes value;
  std::shared_ptr<const Failure> failure;
};
std::vector<Item> items_of(const Answer& answer, bool chunked, std::uint32_t items);
// Whether all of them succeeded.
bool all_succeeded(const Answer& answer, bool chunked);

// Who is told. Calls come from the callback thread of the pool, once per job.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void accepted(std::size_t, JobId) {}
  virtual void answered(std::size_t index, Answer answer) = 0;
  // From any thread: takes the answer if nothing of the user's has to run for it. False: it does, and the
  // answer is left as it was.
  virtual bool answered_quietly(std::size_t, Answer&) { return false; }
  // False, from some time on: nobody will ask for its answers. From any thread.
  virtual bool wanted() const { return true; }
};

// True in the callback thread, which may not wait for answers: it brings them.
bool in_callback_thread();
// Runs a callback of the user's; what it throws is told on stderr, as there is nobody else to tell.
void run_callback(const std::function<void()>& call) noexcept;

// The answers of a fixed number of jobs, which may be waited for. Threads: any.
class Cell : public Sink {
 public:
  struct Shape {
    std::string task;
    bool chunked = false;
    std::vector<std::uint32_t> items{1};  // of each job
  };
  explicit Cell(Shape shape);

  const Shape& shape() const { return shape_; }
  bool ready() const;
  // False: not in time. Throws Exception (invalid_state) in the callback thread, unless it is ready.
  bool wait(Timeout timeout) const;
  // Calls `call` once when it is ready: at once, or from the callback thread, in the order of the calls.
  void then(std::function<void()> call);
  // REQUIRES: ready.
  const std::vector<Answer>& answers() const { return answers_; }
  bool succeeded() const;
  // The first, in the order of the items; null if there is none.
  std::shared_ptr<const Failure> failure() const;
  // Of the first job; 0 while it is not accepted.
  JobId job() const;
  // The same, once it is accepted or has its answer.
  JobId wait_job() const;

  void accepted(std::size_t index, JobId job) override;
  void answered(std::size_t index, Answer answer) override;
  bool answered_quietly(std::size_t index, Answer& answer) override;

 private:
  void tell_ready();

  const Shape shape_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;   // it is ready
  mutable std::condition_variable accepted_;  // it has a job
  std::vector<Answer> answers_;
  std::size_t missing_;
  bool ready_ = false;
  JobId job_ = 0;
  std::vector<std::function<void()>> then_;
};

// What co_await waits for: that a cell is ready. In a handler that waits the thread goes on with its other
// jobs meanwhile, and comes back to this one; in any other coroutine the callback thread goes on with it.
class UntilReady {
 public:
  explicit UntilReady(std::shared_ptr<Cell> cell) : cell_(std::move(cell)) {}
  bool await_ready() const { return cell_->ready(); }
  void await_suspend(std::coroutine_handle<> here);
  // Throws Cancelled if the job that waits shall stop.
  void await_resume() const {
    if (told_) told_->await_resume();
  }

 private:
  std::shared_ptr<Cell> cell_;
  std::optional<waiting::Told> told_;
};

// Gives what `get` says, of a cell that is ready.
template <typename Get>
class Awaiter : public UntilReady {
 public:
  Awaiter(std::shared_ptr<Cell> cell, Get get) : UntilReady(std::move(cell)), get_(std::move(get)) {}
  auto await_resume() const {
    UntilReady::await_resume();
    return get_();
  }

 private:
  Get get_;
};

}  // namespace sdk
}  // namespace joinery
