// joinery::Task: the typed name of a function that runs elsewhere, in a pool process or a process of its own.
#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "joinery/passing.h"
#include "shared/protocol/pack.h"
#include "worker/handlers/registry.h"

namespace joinery {

// A task with its arguments: what a process or a pool's initializer runs. Made by Task::bind.
struct BoundTask {
  std::string name;
  Buffer arguments = {};                    // msgpack array
  sdk::PassedDescriptors descriptors = {};  // of connections among them
};

template <typename Signature>
class Task;

// Copies are cheap and mean the same function. R and Args are values: they go through msgpack (your own
// types: MSGPACK_DEFINE).
template <typename R, typename... Args>
class Task<R(Args...)> {
 public:
  using Result = R;
  using Arguments = std::tuple<Args...>;

  // A handler of workers that are already running, by its name alone. `chunked`: they are of a
  // joinery::Program, which takes the items of a map in chunks; else each item is a job.
  explicit Task(std::string name, bool chunked = false) : name_(std::move(name)), chunked_(chunked) {}

  const std::string& name() const { return name_; }
  bool chunked() const { return chunked_; }
  // Throws what a value's own packing throws.
  BoundTask bind(const Args&... args) const {
    BoundTask bound{name_};
    const sdk::CollectDescriptors collect(bound.descriptors);
    bound.arguments = packed(args...);
    return bound;
  }
  static Buffer packed(const Args&... args) { return joinery::pack(args...); }

 private:
  std::string name_;
  bool chunked_ = false;
};

namespace task_detail {

template <typename Signature>
struct HandleOf;
template <typename R, typename... Args>
struct HandleOf<R(Args...)> {
  using type = Task<std::remove_cvref_t<R>(std::remove_cvref_t<Args>...)>;
};
template <typename R, typename... Args>
struct HandleOf<Coroutine<R>(Args...)> : HandleOf<R(Args...)> {};
template <typename R, typename... Args>
struct HandleOf<R(JobContext&, Args...)> : HandleOf<R(Args...)> {};
template <typename R, typename... Args>
struct HandleOf<Coroutine<R>(JobContext&, Args...)> : HandleOf<R(Args...)> {};

template <typename F>
using TaskOf = typename HandleOf<
    typename handlers::typed_detail::SignatureOf<decltype(std::function(std::declval<F>()))>::type>::type;

}  // namespace task_detail
}  // namespace joinery
