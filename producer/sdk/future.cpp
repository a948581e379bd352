#include "joinery/future.h"

#include <deque>

#include "producer/sdk/runner.h"
#include "shared/base/longest_wait.h"

namespace joinery::sdk {
namespace {

constexpr auto cancel_patience = std::chrono::seconds(10);

}  // namespace

bool cancel(const std::shared_ptr<Cell>& cell, const std::weak_ptr<Runner>& runner) {
  if (cell->ready()) return was_cancelled(*cell);
  const auto alive = runner.lock();
  const JobId job = alive && !in_callback_thread() ? cell->wait_job() : cell->job();
  if (!alive || job == 0 || alive->state_of(job) == "running") return was_cancelled(*cell);
  const bool agreed = alive->cancel({job}, std::chrono::milliseconds(0));
  if (in_callback_thread()) return agreed;
  // The broker tells how it really ended.
  return cell->wait(agreed ? Timeout(cancel_patience) : Timeout(0)) ? was_cancelled(*cell) : agreed;
}

bool is_running(const Cell& cell, const std::weak_ptr<Runner>& runner) {
  const auto alive = runner.lock();
  const JobId job = cell.job();
  return alive && job != 0 && !cell.ready() && alive->state_of(job) == "running";
}

struct Arrivals::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::size_t> ready;
};

Arrivals::Arrivals(const std::vector<std::shared_ptr<Cell>>& cells)
    : shared_(std::make_shared<Shared>()), left_(cells.size()) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i]->then([shared = shared_, i] {
      const std::lock_guard lock(shared->mutex);
      shared->ready.push_back(i);
      shared->changed.notify_one();
    });
  }
}

std::optional<std::size_t> Arrivals::next(std::optional<std::chrono::steady_clock::time_point> until) {
  if (left_ == 0) return std::nullopt;
  std::unique_lock lock(shared_->mutex);
  const auto any = [this] { return !shared_->ready.empty(); };
  if (!any() && in_callback_thread()) {
    throw Exception(Code::invalid_state,
                    "a callback may not wait for a result: its thread brings the results");
  }
  if (!until) {
    shared_->changed.wait(lock, any);
  } else if (!shared_->changed.wait_until(lock, *until, any)) {
    return std::nullopt;
  }
  const std::size_t index = shared_->ready.front();
  shared_->ready.pop_front();
  --left_;
  return index;
}

std::optional<std::chrono::steady_clock::time_point> deadline_of(Timeout timeout) {
  if (!timeout) return std::nullopt;
  return std::chrono::steady_clock::now() + at_longest(*timeout);
}

}  // namespace joinery::sdk
