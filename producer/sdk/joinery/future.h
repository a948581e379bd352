// joinery::Future: Python's concurrent.futures.Future, wait and as_completed; and co_await.
#pragma once

#include <coroutine>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "joinery/answer.h"
#include "joinery/async_result.h"

namespace joinery {

namespace sdk {

class Runner;

// What Future does that knows no types.
bool cancel(const std::shared_ptr<Cell>& cell, const std::weak_ptr<Runner>& runner);
bool is_running(const Cell& cell, const std::weak_ptr<Runner>& runner);
inline bool was_cancelled(const Cell& cell) {
  return cell.ready() && cell.answers().front().outcome == Outcome::cancelled;
}

// Indices of cells in the order in which they become ready.
class Arrivals {
 public:
  explicit Arrivals(const std::vector<std::shared_ptr<Cell>>& cells);
  // The next one. nullopt: not by `until`, or all have come.
  std::optional<std::size_t> next(std::optional<std::chrono::steady_clock::time_point> until);
  std::size_t left() const { return left_; }

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::size_t left_;
};

std::optional<std::chrono::steady_clock::time_point> deadline_of(Timeout timeout);

}  // namespace sdk

// Copies share one result. It outlives the executor. Threads: any.
//
// In a coroutine, co_await future gives result(). In a handler or task that waits (joinery::Coroutine) the
// thread runs its other jobs meanwhile. Any other coroutine goes on in the callback thread, so that it must
// not wait there for another result except by co_await.
template <typename R>
class Future {
 public:
  Future(std::shared_ptr<sdk::Cell> cell, std::weak_ptr<sdk::Runner> runner)
      : cell_(std::move(cell)), runner_(std::move(runner)) {}

  // True: it will not run, or not to its end, and is done now. False: it runs or is done, and goes on. A job
  // that waits in the memory of a worker counts as running; one that begins while it is asked about is
  // stopped.
  bool cancel() { return sdk::cancel(cell_, runner_); }
  bool cancelled() const { return sdk::was_cancelled(*cell_); }
  // Asks the broker.
  bool running() const { return sdk::is_running(*cell_, runner_); }
  bool done() const { return cell_->ready(); }

  // Throws RemoteError if the task failed, CancelledError, TimeoutError, TypeError.
  R result(Timeout timeout = {}) const {
    wait(timeout);
    return sdk::one_value<R>(*cell_);
  }
  // nullopt: it succeeded. Throws CancelledError, TimeoutError.
  std::optional<RemoteError> exception(Timeout timeout = {}) const {
    wait(timeout);
    const auto failure = cell_->failure();
    return failure ? std::optional<RemoteError>(std::in_place, failure, cell_->shape().task) : std::nullopt;
  }
  // From the callback thread; at once, in this one, if it is done.
  void add_done_callback(std::function<void(Future)> call) const {
    cell_->then([copy = *this, call = std::move(call)] { call(copy); });
  }

  auto operator co_await() const {
    return sdk::Awaiter(cell_, [of = *this] { return of.result(); });
  }

  // 0 until it is accepted. For `joinery job show`.
  JobId job() const { return cell_->job(); }
  const std::shared_ptr<sdk::Cell>& cell() const { return cell_; }
  bool operator==(const Future& other) const { return cell_ == other.cell_; }

 private:
  void wait(Timeout timeout) const {
    if (!cell_->wait(timeout)) throw TimeoutError("no result in time");
    if (cancelled()) throw CancelledError();
  }

  std::shared_ptr<sdk::Cell> cell_;
  std::weak_ptr<sdk::Runner> runner_;
};

namespace sdk {

// Each of them once, where it came first.
template <typename R>
std::vector<Future<R>> distinct(std::vector<Future<R>> futures) {
  std::set<const Cell*> known;
  std::erase_if(futures, [&](const auto& future) { return !known.insert(future.cell().get()).second; });
  return futures;
}

}  // namespace sdk

enum ReturnWhen { FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED };

template <typename R>
struct DoneAndNotDone {
  std::vector<Future<R>> done;
  std::vector<Future<R>> not_done;
};

// Waits for the first to be done, the first to fail (a cancelled one has not failed), or all; or until the
// timeout. Both lists are in the order given; a future that was given twice is in them once.
template <typename R>
DoneAndNotDone<R> wait(const std::vector<Future<R>>& given, ReturnWhen return_when = ALL_COMPLETED,
                       Timeout timeout = {}) {
  const auto until = sdk::deadline_of(timeout);
  const auto futures = sdk::distinct(given);
  std::vector<std::shared_ptr<sdk::Cell>> cells;
  for (const auto& future : futures) cells.push_back(future.cell());
  sdk::Arrivals arrivals(cells);
  while (const auto index = arrivals.next(until)) {
    if (return_when == FIRST_COMPLETED) break;
    const bool failed = !cells[*index]->succeeded() && !futures[*index].cancelled();
    if (return_when == FIRST_EXCEPTION && failed) break;
  }
  DoneAndNotDone<R> result;
  for (const auto& future : futures) (future.done() ? result.done : result.not_done).push_back(future);
  return result;
}

// A single-pass range of the futures, each as soon as it is done; to be used by one thread at a time.
template <typename R>
class Completed {
 public:
  Completed(std::vector<Future<R>> futures, Timeout timeout)
      : futures_(sdk::distinct(std::move(futures))), until_(sdk::deadline_of(timeout)), arrivals_([this] {
          std::vector<std::shared_ptr<sdk::Cell>> cells;
          for (const auto& future : futures_) cells.push_back(future.cell());
          return sdk::Arrivals(cells);
        }()) {}

  // nullopt after the last. Throws TimeoutError.
  std::optional<Future<R>> next() {
    if (arrivals_.left() == 0) return std::nullopt;
    const auto index = arrivals_.next(until_);
    if (!index) throw TimeoutError("not all futures were done in time");
    return futures_[*index];
  }

  class iterator {
   public:
    using value_type = Future<R>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(Completed& of) : of_(&of) { ++*this; }
    Future<R>& operator*() const { return *of_->current_; }
    iterator& operator++() {
      of_->current_ = of_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !of_->current_; }

   private:
    Completed* of_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend class iterator;
  std::vector<Future<R>> futures_;
  std::optional<std::chrono::steady_clock::time_point> until_;
  sdk::Arrivals arrivals_;
  std::optional<Future<R>> current_;
};

// The timeout is for all of them, from now.
template <typename R>
Completed<R> as_completed(std::vector<Future<R>> futures, Timeout timeout = {}) {
  return {std::move(futures), timeout};
}

}  // namespace joinery
