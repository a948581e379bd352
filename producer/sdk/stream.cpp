// The part of imap that knows no types: how far it reads ahead, and in which order answers are taken.
#include <algorithm>
#include <atomic>

#include "joinery/imap.h"
#include "producer/sdk/chunk.h"
#include "producer/sdk/runner.h"
#include "shared/base/longest_wait.h"

namespace joinery::sdk {
namespace {

constexpr std::size_t window_min = 256;
constexpr std::size_t window_per_slot = 32;

}  // namespace

// Answers that came and were not taken.
class Stream::Inbox : public Sink {
 public:
  explicit Inbox(bool ordered) : ordered_(ordered) {}

  void answered(std::size_t index, Answer answer) override {
    const std::lock_guard lock(mutex_);
    answers_.emplace(ordered_ ? index : arrivals_++, std::pair(index, std::move(answer)));
    changed_.notify_one();
  }
  bool answered_quietly(std::size_t index, Answer& answer) override {
    answered(index, std::move(answer));
    return true;
  }
  bool wanted() const override { return wanted_; }
  void drop() { wanted_ = false; }
  bool has_next() const {
    const std::lock_guard lock(mutex_);
    return has_next_locked();
  }
  // Index and answer; nullopt: not in time.
  std::optional<std::pair<std::size_t, Answer>> take(Timeout timeout) {
    std::unique_lock lock(mutex_);
    const auto is_there = [this] { return has_next_locked(); };
    if (!is_there() && in_callback_thread()) {
      throw Exception(Code::invalid_state,
                      "a callback may not wait for a result: its thread brings the results");
    }
    if (!timeout) {
      changed_.wait(lock, is_there);
    } else if (!changed_.wait_for(lock, at_longest(*timeout), is_there)) {
      return std::nullopt;
    }
    ++taken_;
    return std::move(answers_.extract(answers_.begin()).mapped());
  }

 private:
  bool has_next_locked() const { return !answers_.empty() && answers_.begin()->first == taken_; }

  const bool ordered_;
  std::atomic<bool> wanted_ = true;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, std::pair<std::size_t, Answer>> answers_;  // by place in the output
  std::size_t arrivals_ = 0;
  std::size_t taken_ = 0;
};

Stream::Stream(std::shared_ptr<Runner> runner, Options options, Pull pull)
    : runner_(std::move(runner)),
      options_([&] {
        if (options.window == 0) options.window = std::max(window_min, window_per_slot * runner_->slots());
        return std::move(options);
      }()),
      pull_(std::move(pull)),
      inbox_(std::make_shared<Inbox>(options_.ordered)) {
  runner_->open_stream();
}

Stream::~Stream() {
  if (!inbox_) return;  // moved from
  end_input();
  inbox_->drop();
  if (!items_.empty()) runner_->cancel_unwanted();
}

void Stream::end_input() {
  if (!std::exchange(exhausted_, true)) runner_->end_stream();
}

std::optional<Stream::Next> Stream::next(Timeout timeout) {
  top_up();
  if (items_.empty()) return std::nullopt;
  auto taken = inbox_->take(timeout);
  if (!taken) throw TimeoutError("no result in time");
  const auto of = items_.extract(taken->first);
  return Next{std::move(taken->second), of.mapped()};
}

// What is there is given out first, so that an input that blocks keeps no results back, unless the workers
// could run out of work meanwhile.
void Stream::top_up() {
  while (!exhausted_ && items_.size() < options_.window) {
    if (items_.size() >= options_.window / 2 && inbox_->has_next()) return;
    if (!submit_chunk()) end_input();
  }
}

// False: the input has ended.
bool Stream::submit_chunk() {
  std::vector<Buffer> items;
  Buffer item;
  bool more = true;
  while (items.size() < options_.chunksize && (more = pull_(item))) items.push_back(std::exchange(item, {}));
  if (items.empty()) return false;
  const auto count = static_cast<std::uint32_t>(items.size());
  Buffer payload = options_.chunked ? join_items(items) : std::move(items.front());
  runner_->submit({.task = options_.task,
                   .chunked = options_.chunked,
                   .timeout = options_.timeout,
                   .payloads = {std::move(payload)},
                   .items = {count},
                   .first_index = next_index_,
                   .begun = true},
                  inbox_);
  items_.emplace(next_index_++, count);
  return more;
}

}  // namespace joinery::sdk
