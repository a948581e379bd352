// joinery::AsyncResult: the result of a job, or of the jobs of a map, that is still to come.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "joinery/answer.h"
#include "joinery/message.h"
#include "joinery/task.h"

namespace joinery {

namespace sdk {

template <typename R>
R value_of(Bytes raw, const std::string& task) {
  if constexpr (!std::is_void_v<R>) {
    try {
      return unpack_message<R>(raw);
    } catch (const TypeError& error) {
      throw TypeError("task " + task +
                      ": its result is not what the handle of the task says: " + error.what());
    }
  }
}

// Of an apply.
template <typename R>
R one_value(const Cell& cell) {
  const Answer& answer = cell.answers().front();
  if (answer.failure) throw RemoteError(answer.failure, cell.shape().task);
  return value_of<R>(answer.value, cell.shape().task);
}

template <typename R>
using ListOf =
    std::conditional_t<std::is_void_v<R>, void, std::vector<std::conditional_t<std::is_void_v<R>, int, R>>>;

// Of a map, in the order of the input. The first item that failed is thrown.
template <typename R>
ListOf<R> all_values(const Cell& cell) {
  const Cell::Shape& shape = cell.shape();
  if (const auto failure = cell.failure()) throw RemoteError(failure, shape.task);
  if constexpr (!std::is_void_v<R>) {
    std::vector<R> values;
    for (std::size_t i = 0; i < shape.items.size(); ++i) {
      for (const Item& item : items_of(cell.answers()[i], shape.chunked, shape.items[i])) {
        values.push_back(value_of<R>(item.value, shape.task));
      }
    }
    return values;
  }
}

}  // namespace sdk

// Copies share one result. It outlives the pool. Threads: any.
template <typename T>
class AsyncResult {
 public:
  using Read = T (*)(const sdk::Cell&);
  AsyncResult(std::shared_ptr<sdk::Cell> cell, Read read) : cell_(std::move(cell)), read_(read) {}

  // The result. Throws RemoteError if the task failed (the first one, of a map: once all have ended),
  // TimeoutError, TypeError. May be called again.
  T get(Timeout timeout = {}) const {
    if (!cell_->wait(timeout)) throw TimeoutError("no result in time");
    return read_(*cell_);
  }
  // False: not in time.
  bool wait(Timeout timeout = {}) const { return cell_->wait(timeout); }
  bool ready() const { return cell_->ready(); }
  // Whether it ended without an error. Throws ValueError if it is not ready.
  bool successful() const {
    if (!cell_->ready()) throw ValueError("the result is not ready");
    return cell_->succeeded();
  }

  // In a coroutine, co_await gives get(): see Future.
  auto operator co_await() const {
    return sdk::Awaiter(cell_, [of = *this] { return of.get(); });
  }

  // 0 until it is accepted; of a map: its first chunk. For `joinery job show`.
  JobId job() const { return cell_->job(); }

 private:
  std::shared_ptr<sdk::Cell> cell_;
  Read read_;
};

}  // namespace joinery
