// Typed handlers: msgpack arguments to C++ values and the returned value to msgpack.
//
// The payload is a msgpack array with one element per argument. For a function of one argument it may also be
// the bare value, unless that is an array itself; for one without arguments it may be empty. std::string_view
// arguments point into the payload.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "shared/protocol/pack.h"
#include "worker/handlers/registry.h"

namespace joinery::handlers {
namespace typed_detail {

// "an integer", "a map", the demangled name of other types: what an error says was expected.
std::string describe_type(const std::type_info& type);
// "the integer -3", "a string of 5 bytes": what came.
std::string describe(const msgpack::object& object);
[[noreturn]] void throw_arity(std::size_t came, std::size_t expected);
[[noreturn]] void throw_type(std::size_t index, const msgpack::object& came, const std::string& expected);
// The elements of the argument list of a function with `arity` arguments. `bare` is memory for one of them.
std::pair<const msgpack::object*, std::size_t> arguments(msgpack::zone& zone, Bytes payload,
                                                         std::size_t arity, msgpack::object& bare);
// A zone whose memory is used again by the next job of the thread.
msgpack::zone& fresh_zone();

template <typename T>
std::string expected() {
  if constexpr (std::is_same_v<T, bool>) {
    return "a boolean";
  } else if constexpr (std::is_integral_v<T>) {
    return "an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return "a string";
  } else {
    return describe_type(typeid(T));
  }
}

template <typename T>
T argument(const msgpack::object* objects, std::size_t index) {
  try {
    return objects[index].as<T>();
  } catch (const msgpack::type_error&) {
    throw_type(index, objects[index], expected<T>());
  }
}

template <typename R>
Buffer packed(const R& value) {
  try {
    return pack_value(value);
  } catch (const std::exception& error) {
    throw UnencodableResult(error.what());
  }
}

template <typename... Args>
struct Arguments {
  static_assert((!std::is_lvalue_reference_v<Args> && ...),
                "arguments are taken by value or const reference");
  // What is not copied out of the payload, a msgpack::object say, lives as long as the zone.
  static std::tuple<Args...> read(msgpack::zone& zone, Bytes payload) {
    return read(zone, payload, std::index_sequence_for<Args...>());
  }

 private:
  template <std::size_t... indexes>
  static std::tuple<Args...> read(msgpack::zone& zone, Bytes payload, std::index_sequence<indexes...>) {
    msgpack::object bare;
    const auto [objects, count] = arguments(zone, payload, sizeof...(Args), bare);
    if (count != sizeof...(Args)) throw_arity(count, sizeof...(Args));
    return std::tuple<Args...>{argument<Args>(objects, indexes)...};
  }
};

template <bool with_context, typename F, typename... Args>
decltype(auto) invoke(F& fn, JobContext& job, Args&&... args) {
  if constexpr (with_context) {
    return fn(job, std::forward<Args>(args)...);
  } else {
    return fn(std::forward<Args>(args)...);
  }
}

template <bool with_context, typename R, typename... Args>
struct Call {
  static constexpr bool waits = false;

  template <typename F>
  static Buffer call(F& fn, JobContext& job, Bytes payload) {
    const auto with = [&](Args&&... args) -> R {
      return invoke<with_context>(fn, job, std::forward<Args>(args)...);
    };
    auto values = Arguments<Args...>::read(fresh_zone(), payload);
    if constexpr (std::is_void_v<R>) {
      std::apply(with, std::move(values));
      return {};
    } else {
      return packed(std::apply(with, std::move(values)));
    }
  }
};

template <bool with_context, typename R, typename... Args>
struct Call<with_context, Coroutine<R>, Args...> {
  static constexpr bool waits = true;

  // The function and the arguments live in this coroutine, as long as that of the function.
  template <typename F>
  static Coroutine<Buffer> call(std::shared_ptr<F> fn, JobContext& job, Bytes payload) {
    msgpack::zone zone;  // of its own: the thread runs other jobs while this one waits
    auto values = Arguments<Args...>::read(zone, payload);
    const auto with = [&](Args&&... args) {
      return invoke<with_context>(*fn, job, std::forward<Args>(args)...);
    };
    auto coroutine = std::apply(with, std::move(values));
    if constexpr (std::is_void_v<R>) {
      co_await std::move(coroutine);
      co_return Buffer();
    } else {
      co_return packed(co_await std::move(coroutine));
    }
  }
};

template <typename Signature>
struct CallOf;
template <typename R, typename... Args>
struct CallOf<R(Args...)> : Call<false, R, std::remove_cvref_t<Args>...> {};
template <typename R, typename... Args>
struct CallOf<R(JobContext&, Args...)> : Call<true, R, std::remove_cvref_t<Args>...> {};

template <typename F>
struct SignatureOf;
template <typename Signature>
struct SignatureOf<std::function<Signature>> {
  using type = Signature;
};

}  // namespace typed_detail

// The handler of a function fn(args...) or fn(JobContext&, args...) with one signature (no `auto` arguments);
// a WaitingHandler if it returns a Coroutine.
template <typename F>
auto typed(F fn) {
  using Signature = typename typed_detail::SignatureOf<decltype(std::function(fn))>::type;
  using Call = typed_detail::CallOf<Signature>;
  // Shared, so that functions which cannot be copied can be handlers too.
  auto shared = std::make_shared<F>(std::move(fn));
  if constexpr (Call::waits) {
    return WaitingHandler([shared = std::move(shared)](JobContext& job, Bytes payload) {
      return Call::call(shared, job, payload);
    });
  } else {
    return Handler([shared = std::move(shared)](JobContext& job, Bytes payload) {
      return Call::call(*shared, job, payload);
    });
  }
}

}  // namespace joinery::handlers
