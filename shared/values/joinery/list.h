// A list in Redis, shared by all who name it. Elements are copies, as a Dict's (dict.h, with all that holds
// for every container); indices are Python's: negative ones count from the end.
//
//   joinery::List<std::string> names(manager, "names");
//   names.append("ada");
//   names.extend(std::vector<std::string>{"grace", "alan"});   // one round trip
//   names[-1] = "Alan";
//   names.sort();
//
// An index in the middle costs Redis a walk to it; the ends are cheap.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "shared/values/core.h"

namespace joinery {

template <typename T>
class List : public values::Sequence {
 public:
  using value_type = T;
  using Item = values::Item<List, std::int64_t, T>;

  explicit List(const Manager& manager, std::string name = {})
      : Sequence(manager, std::move(name), "a list") {}

  void append(const T& value) { push({values::encode(value)}); }
  template <typename Range = std::vector<T>>
  void extend(const Range& range) {
    push(encode_all(range));
  }
  // Before the element at `index`; beyond an end: at that end.
  void insert(std::int64_t index, const T& value) { insert_at(index, values::encode(value)); }
  // These throw IndexError.
  values::Copy<T> get(std::int64_t index) const { return decode(index, at(index)); }
  void set(std::int64_t index, const T& value) { set_at(index, values::encode(value)); }
  T pop(std::int64_t index = -1) { return decode(index, pop_at(index)); }

  // The first that is equal. Throws ValueError if there is none.
  void remove(const T& value) {
    if (!remove_first(values::encode(value))) throw ValueError(name() + ": no such element to remove");
  }
  std::int64_t index(const T& value) const {
    const auto found = find(values::encode(value));
    if (!found) throw ValueError(name() + ": no such element");
    return *found;
  }
  bool contains(const T& value) const { return find(values::encode(value)).has_value(); }

  // Copies, in one round trip. `end` is not in it; none: to the end.
  std::vector<T> slice(std::int64_t begin, std::optional<std::int64_t> end = {}) const {
    return decode_all(range(begin, end));
  }
  std::vector<T> items() const { return slice(0); }

  // Read-modify-write of one element, and of the whole list: see Dict::update.
  template <typename F>
  requires std::invocable<F&, T&> T update(std::int64_t index, F fn) {
    at(index);
    return update_place<T>(place(index), fn, nullptr);
  }
  template <typename F>
  requires std::invocable < F&, std::vector<T>
  & > std::vector<T> update(F fn) {
    for (;;) {
      const auto old = range(0, std::nullopt);
      auto all = decode_all(old);
      fn(all);
      if (replace(old, encode_all(all))) return all;
    }
  }
  void sort() {
    update([](std::vector<T>& all) { std::ranges::sort(all); });
  }
  void reverse() {
    update([](std::vector<T>& all) { std::ranges::reverse(all); });
  }
  // Atomic in Redis. The sum: see Dict::add.
  template <typename By = T>
  T add(std::int64_t index, const By& by) requires values::Number<T> {
    return decode(index, Sequence::add(place(index), values::plus<T>(by)));
  }
  template <typename By = T>
  T subtract(std::int64_t index, const By& by) requires values::Number<T> {
    return decode(index, Sequence::add(place(index), values::minus<T>(by)));
  }

  Item operator[](std::int64_t index) { return Item(*this, index); }
  values::Copy<T> operator[](std::int64_t index) const { return get(index); }

 protected:
  List(const Manager& manager, std::string name, const char* what)
      : Sequence(manager, std::move(name), what) {}
  template <typename Range>
  static std::vector<Buffer> encode_all(const Range& range) {
    std::vector<Buffer> out;
    for (const auto& value : range) out.push_back(values::encode<T>(value));
    return out;
  }

 private:
  T decode(std::int64_t index, Bytes element) const {
    return values::decode<T>(element, where(std::to_string(index)));
  }
  std::vector<T> decode_all(const std::vector<Buffer>& elements) const {
    std::vector<T> out;
    for (const Buffer& one : elements) out.push_back(values::decode<T>(one, name()));
    return out;
  }
};

}  // namespace joinery
