// One value in Redis, shared by all who name it (dict.h says what holds for every container).
//
//   joinery::Value<int> hits(manager, "hits", 0);   // 0, unless it is there
//   hits += 1;                                      // atomic in Redis
//   int now = hits.get();
//   hits.update([](int& n) { n *= 2; });
#pragma once

#include "shared/values/core.h"

namespace joinery {

template <typename T>
class Value : public values::Scalar {
 public:
  // `initial` is stored unless there is a value.
  Value(const Manager& manager, std::string name, const T& initial = T{})
      : Scalar(manager, std::move(name), "a value") {
    make(values::encode(initial));
  }
  explicit Value(const Manager& manager) : Value(manager, {}) {}

  // Throws KeyError if it was cleared or has expired.
  values::Copy<T> get() const {
    const auto element = read(place());
    if (!element) throw KeyError(name() + " does not exist");
    return values::decode<T>(*element, name());
  }
  operator values::Copy<T>() const { return get(); }
  void set(const T& value) { put(values::encode(value)); }
  // See Dict::set.
  void set(const T& value, std::uint64_t fence) { put_fenced(values::encode(value), fence); }
  Value& operator=(const T& value) { return set(value), *this; }

  // Read-modify-write: see Dict::update.
  template <typename F>
  requires std::invocable<F&, T&> T update(F fn) { return update_place<T>(place(), fn, nullptr); }
  // Atomic in Redis. The sum; a ValueError, and nothing changed, if that is no T: see Dict::add.
  template <typename By = T>
  T add(const By& by) requires values::Number<T> {
    return values::decode<T>(Scalar::add(place(), values::plus<T>(by)), name());
  }
  template <typename By = T>
  T subtract(const By& by) requires values::Number<T> {
    return values::decode<T>(Scalar::add(place(), values::minus<T>(by)), name());
  }
  template <typename By>
  T operator+=(const By& by) {
    if constexpr (values::Number<T>)
      return add(by);
    else
      return update([&](T& value) { value += by; });
  }
  template <typename By>
  T operator-=(const By& by) {
    if constexpr (values::Number<T>)
      return subtract(by);
    else
      return update([&](T& value) { value -= by; });
  }
  T operator++() { return *this += T{1}; }
  T operator--() { return *this -= T{1}; }
};

}  // namespace joinery
