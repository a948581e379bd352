// joinery::Imap: the results of imap, one after the other, while the input is still being read.
#pragma once

#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "joinery/answer.h"
#include "joinery/async_result.h"

namespace joinery {

namespace sdk {

class Runner;

// Submits chunks, at most `window` of them without being taken, and hands out their answers.
class Stream {
 public:
  struct Options {
    std::string task;
    bool chunked = false;
    std::chrono::milliseconds timeout{0};
    std::size_t chunksize = 1;
    std::size_t window = 0;
    bool ordered = true;
  };
  // The next item, packed; false: there is none.
  using Pull = std::function<bool(Buffer&)>;

  Stream(std::shared_ptr<Runner> runner, Options options, Pull pull);
  ~Stream();  // cancels what has not begun
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = delete;

  struct Next {
    Answer answer;
    std::uint32_t items = 0;
  };
  // nullopt: that was all. Throws TimeoutError, and what the input throws.
  std::optional<Next> next(Timeout timeout);
  const Options& options() const { return options_; }

 private:
  class Inbox;
  void top_up();
  bool submit_chunk();
  void end_input();

  std::shared_ptr<Runner> runner_;
  const Options options_;
  Pull pull_;
  std::shared_ptr<Inbox> inbox_;
  std::map<std::size_t, std::uint32_t> items_;  // of each chunk that was submitted and not taken
  std::size_t next_index_ = 0;                  // to be submitted
  bool exhausted_ = false;
};

}  // namespace sdk

// A single-pass range. The input is read by whoever iterates, a window ahead of what was taken: so it may be
// endless, and a consumer that is slow slows the input down. To be used by one thread at a time.
//
// One that was begun before close() goes on to its end, and join() does not wait for what it has not
// submitted; after terminate() its items are RemoteErrors (cancelled). What has not begun when it is
// destroyed is cancelled; what runs ends by itself (in a chunk: after the item at hand).
//
//   for (int square : pool.imap(square, std::views::iota(0))) if (square > 1000) break;
template <typename R>
class Imap {
 public:
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

  explicit Imap(sdk::Stream stream) : stream_(std::make_unique<sdk::Stream>(std::move(stream))) {}

  // The next result; nullopt after the last. Throws RemoteError if that item failed (what follows can still
  // be had by calling it again), TimeoutError, and what the input throws.
  std::optional<Value> next(Timeout timeout = {}) {
    while (at_ == items_.size()) {
      auto taken = stream_->next(timeout);
      if (!taken) return std::nullopt;
      answer_ = std::move(taken->answer);
      items_ = sdk::items_of(answer_, stream_->options().chunked, taken->items);
      at_ = 0;
    }
    const sdk::Item& item = items_[at_++];
    if (item.failure) throw RemoteError(item.failure, stream_->options().task);
    if constexpr (std::is_void_v<R>) {
      return std::monostate();
    } else {
      return sdk::value_of<R>(item.value, stream_->options().task);
    }
  }

  class iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    explicit iterator(Imap& of) : of_(&of) { ++*this; }
    Value& operator*() const { return *of_->current_; }
    iterator& operator++() {
      of_->current_ = of_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !of_->current_; }

   private:
    Imap* of_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend class iterator;
  std::unique_ptr<sdk::Stream> stream_;
  sdk::Answer answer_;  // what items_ look into
  std::vector<sdk::Item> items_;
  std::size_t at_ = 0;
  std::optional<Value> current_;
};

}  // namespace joinery
