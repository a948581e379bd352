// joinery::Pool: Python's multiprocessing.Pool, on processes of its own or on workers anywhere.
//
//   joinery::Pool pool(program, {.processes = 4});
//   int nine = pool.apply(square, 3);
//   std::vector<int> squares = pool.map(square, std::vector{1, 2, 3});
//   auto later = pool.apply_async(square, {4}, {.callback = [](int x) { std::printf("%d\n", x); }});
//
// Jobs run at least once: one whose process dies runs again (PoolOptions::crash_attempts), and is a
// RemoteError (process_died) after that. Nothing that dies makes a call wait for ever.
//
// Maps send chunks of items. An item that throws, or whose result cannot be packed, is an error of that item
// alone; if a chunk's process dies, its items are run one by one. A time limit holds for a job, so with one
// the default chunk is one item.
//
// Threads: any may call. Callbacks come from the pool's callback thread, one at a time; they may submit but
// not wait (Exception, invalid_state), and should be short: results of others wait behind them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "joinery/async_result.h"
#include "joinery/imap.h"
#include "joinery/pool_options.h"
#include "joinery/program.h"
#include "joinery/task.h"

namespace joinery {

template <typename T>
struct CallbackOf {
  using type = std::function<void(T)>;
};
template <>
struct CallbackOf<void> {
  using type = std::function<void()>;
};

// Of an apply_async (T: what the task returns) or map_async (T: the vector of that).
template <typename T>
struct AsyncOptions {
  typename CallbackOf<T>::type callback = {};
  std::function<void(const RemoteError&)> error_callback = {};
  std::optional<std::chrono::milliseconds> timeout = {};  // instead of PoolOptions::timeout
  std::size_t chunksize = 0;                              // of a map; 0: about four chunks per process
};

namespace sdk {

class Runner;

struct Call {
  std::string task;
  bool chunked = false;
  std::optional<std::chrono::milliseconds> timeout;
  std::vector<Buffer> items;  // packed arguments of each
  std::size_t chunksize = 0;
};

// The next item of a range, packed by `pack_item`. Owns the range if it was a temporary.
template <typename Range, typename PackItem>
Stream::Pull pull_from(Range&& range, PackItem pack_item) {
  using View = std::views::all_t<Range>;
  struct Input {
    View view;
    std::optional<std::ranges::iterator_t<View>> at;
  };
  auto input = std::make_shared<Input>(std::views::all(std::forward<Range>(range)), std::nullopt);
  return [input, pack_item](Buffer& out) {
    // Advanced as late as possible: the next element of an input that blocks is nobody's wish yet.
    if (input->at) {
      ++*input->at;
    } else {
      input->at.emplace(std::ranges::begin(input->view));
    }
    if (*input->at == std::ranges::end(input->view)) return false;
    out = pack_item(**input->at);
    return true;
  };
}

template <typename Range, typename PackItem>
std::vector<Buffer> pack_all(Range&& range, PackItem pack_item) {
  std::vector<Buffer> items;
  if constexpr (std::ranges::sized_range<Range>) items.reserve(std::ranges::size(range));
  for (auto&& item : range) items.push_back(pack_item(item));
  return items;
}

template <typename R, typename Arg>
auto packer_of(const Task<R(Arg)>&) {
  return [](const Arg& item) { return Task<R(Arg)>::packed(item); };
}
template <typename R, typename... Args>
auto star_packer_of(const Task<R(Args...)>&) {
  return [](const auto& item) {
    return std::apply([](const auto&... each) { return Task<R(Args...)>::packed(each...); }, item);
  };
}

// What runs when a call is ready, from its options.
template <typename T>
std::function<void(const Cell&)> callbacks_of(const AsyncOptions<T>& options, T (*read)(const Cell&)) {
  if (!options.callback && !options.error_callback) return {};
  return [callback = options.callback, error_callback = options.error_callback, read](const Cell& cell) {
    if (const auto failure = cell.failure()) {
      if (error_callback) error_callback(RemoteError(failure, cell.shape().task));
    } else if (!callback) {
      return;
    } else if constexpr (std::is_void_v<T>) {
      callback();
    } else {
      callback(read(cell));
    }
  };
}

}  // namespace sdk

class Pool {
 public:
  // Throws ClientError (broker_unreachable) if there is no broker within ten seconds.
  explicit Pool(const Program& program, PoolOptions options = {});
  ~Pool();  // terminate()
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // All that submit: throw ValueError if the pool is closed.

  template <typename R, typename... Args>
  R apply(const Task<R(Args...)>& task, const std::type_identity_t<Args>&... args) {
    return sdk::one_value<R>(*run_one({task.name(), false, {}, {Task<R(Args...)>::packed(args...)}, 1}));
  }
  template <typename R, typename... Args>
  AsyncResult<R> apply_async(const Task<R(Args...)>& task,
                             const std::type_identity_t<std::tuple<Args...>>& args,
                             const AsyncOptions<std::type_identity_t<R>>& options = {}) {
    return {start_one({task.name(), false, options.timeout, {sdk::star_packer_of(task)(args)}, 1},
                      sdk::callbacks_of<R>(options, sdk::one_value<R>)),
            sdk::one_value<R>};
  }

  // A task of one argument over a range; results in its order.
  template <typename R, typename Arg, std::ranges::input_range Range>
  sdk::ListOf<R> map(const Task<R(Arg)>& task, Range&& range, std::size_t chunksize = 0) {
    return map_async(task, std::forward<Range>(range), {.chunksize = chunksize}).get();
  }
  template <typename R, typename Arg, std::ranges::input_range Range>
  AsyncResult<sdk::ListOf<R>> map_async(
      const Task<R(Arg)>& task, Range&& range,
      const AsyncOptions<sdk::ListOf<std::type_identity_t<R>>>& options = {}) {
    return start_map(task, sdk::pack_all(range, sdk::packer_of(task)), options);
  }
  // The same for a range of tuples (pairs, arrays): one element per argument.
  template <typename R, typename... Args, std::ranges::input_range Range>
  sdk::ListOf<R> starmap(const Task<R(Args...)>& task, Range&& range, std::size_t chunksize = 0) {
    return starmap_async(task, std::forward<Range>(range), {.chunksize = chunksize}).get();
  }
  template <typename R, typename... Args, std::ranges::input_range Range>
  AsyncResult<sdk::ListOf<R>> starmap_async(
      const Task<R(Args...)>& task, Range&& range,
      const AsyncOptions<sdk::ListOf<std::type_identity_t<R>>>& options = {}) {
    return start_map(task, sdk::pack_all(range, sdk::star_packer_of(task)), options);
  }

  // Results while the input is read, which may be endless: see Imap. A range that is no temporary must
  // outlive it.
  template <typename R, typename Arg, std::ranges::input_range Range>
  Imap<R> imap(const Task<R(Arg)>& task, Range&& range, std::size_t chunksize = 1) {
    return stream(task, std::forward<Range>(range), chunksize, true);
  }
  // In the order in which they are done.
  template <typename R, typename Arg, std::ranges::input_range Range>
  Imap<R> imap_unordered(const Task<R(Arg)>& task, Range&& range, std::size_t chunksize = 1) {
    return stream(task, std::forward<Range>(range), chunksize, false);
  }

  // No more calls; what was submitted goes on, and so does an imap that was begun.
  void close();
  // Waits until all jobs have ended and their callbacks have run; then its processes end (while an imap
  // still reads its input: with the pool). False: not in time.
  // Throws ValueError unless it was closed or terminated.
  bool join(Timeout timeout = {});
  // At once: what runs is killed, what waits is cancelled, and both get RemoteError (cancelled).
  void terminate();

 private:
  template <typename R, typename... Args>
  AsyncResult<sdk::ListOf<R>> start_map(const Task<R(Args...)>& task, std::vector<Buffer> items,
                                        const AsyncOptions<sdk::ListOf<R>>& options) {
    return {start_many({task.name(), task.chunked(), options.timeout, std::move(items), options.chunksize},
                       sdk::callbacks_of<sdk::ListOf<R>>(options, sdk::all_values<R>)),
            sdk::all_values<R>};
  }
  template <typename R, typename Arg, typename Range>
  Imap<R> stream(const Task<R(Arg)>& task, Range&& range, std::size_t chunksize, bool ordered) {
    return Imap<R>(start_stream(task.name(), task.chunked(), chunksize, ordered,
                                sdk::pull_from(std::forward<Range>(range), sdk::packer_of(task))));
  }

  using Then = std::function<void(const sdk::Cell&)>;
  std::shared_ptr<sdk::Cell> start_one(sdk::Call call, Then then);
  std::shared_ptr<sdk::Cell> run_one(sdk::Call call);  // when it has ended
  std::shared_ptr<sdk::Cell> start_many(sdk::Call call, Then then);
  sdk::Stream start_stream(const std::string& task, bool chunked, std::size_t chunksize, bool ordered,
                           sdk::Stream::Pull pull);

  std::shared_ptr<sdk::Runner> runner_;
};

}  // namespace joinery
