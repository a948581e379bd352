// joinery::Coroutine<R>: what a handler that waits returns, and the functions that it is made of.
//
//   joinery::Coroutine<std::string> title(joinery::JobContext& job, std::string url) {
//     const auto page = co_await joinery::http::get(url);
//     co_await job.sleep(100ms);
//     co_return title_of(page.body);
//   }
//
// It begins when it is awaited. An exception that leaves it comes out of the co_await. Arguments taken by
// reference must live until it has ended: `co_await f(std::string("..."))` does, a Coroutine that is kept for
// later may not. Not to be resumed, or awaited twice, by anybody. With g++ 12, an aggregate with members that
// own something is given a name before it is an argument in a co_await: `co_await f({.text = "..."})`
// destroys it twice.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace joinery {

template <typename R = void>
class Coroutine;

namespace waiting {

struct PromiseBase {
  struct Ended {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().caller;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Ended final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  std::coroutine_handle<> caller = std::noop_coroutine();
  std::exception_ptr error;
};

template <typename R>
struct Promise : PromiseBase {
  Coroutine<R> get_return_object();
  template <std::convertible_to<R> T>
  void return_value(T&& returned) {
    value.emplace(std::forward<T>(returned));
  }
  R take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
  std::optional<R> value;
};

template <>
struct Promise<void> : PromiseBase {
  Coroutine<void> get_return_object();
  void return_void() const noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace waiting

template <typename R>
class [[nodiscard]] Coroutine {
 public:
  using promise_type = waiting::Promise<R>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Coroutine(Handle handle) : handle_(handle) {}
  Coroutine(Coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coroutine& operator=(Coroutine&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Coroutine() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept {
        handle.promise().caller = caller;
        return handle;
      }
      R await_resume() const { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

  // For who runs it from outside of a coroutine.
  Handle handle() const { return handle_; }
  R take() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

template <typename R>
Coroutine<R> waiting::Promise<R>::get_return_object() {
  return Coroutine<R>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Coroutine<void> waiting::Promise<void>::get_return_object() {
  return Coroutine<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace joinery
