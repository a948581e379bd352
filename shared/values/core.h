// What the templates of the containers stand on: elements as bytes, in and out of Redis. Not for users.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <joinery/encoding.h>
#include <joinery/manager.h>
#include "shared/base/bytes.h"

namespace joinery::values {

class Anonymous;

using Pairs = std::vector<std::pair<Buffer, Buffer>>;

// Where an element is: a field of a hash, an index of a list, or the whole of a string.
struct Place {
  const char* kind;  // "hash", "list", "string"
  Buffer field;
};

// What is added, as an element, and between which bounds the sum must be; of floats: none ("").
struct Addend {
  Buffer by;
  Buffer least;
  Buffer greatest;
};

// What every container can do. Named containers live until they are cleared, removed or expire. Anonymous
// ones belong to the object: they are deleted with it, or within a minute of its process's death.
class Container {
 public:
  const std::string& name() const { return name_; }
  bool exists() const;
  // Deletes it with all it holds.
  void clear();
  // It is deleted after this time, counted from now. False: it does not exist (what is empty does not).
  bool expire(std::chrono::milliseconds ttl);
  // It is not. False: it did not have a time to live.
  bool persist();
  // What is left of it.
  std::optional<std::chrono::milliseconds> ttl() const;

 protected:
  // `what`: "a dict"; for errors. An empty name: anonymous.
  Container(const Manager& manager, std::string name, const char* what);
  ~Container();
  Container(Container&&) noexcept;
  Container& operator=(Container&&) noexcept;

  using Words = std::vector<std::string>;
  // One command; `repeat`: it may be done twice. Throws Exception, TypeError.
  redis::Value ask(const Words& words) const;     // repeat
  redis::Value change(const Words& words) const;  // do not repeat
  redis::Value script(const redis::Script& script, std::vector<Bytes> arguments, bool repeat = false) const;
  redis::Value fenced(std::uint64_t fence, std::vector<Bytes> arguments) const;
  const std::string& key() const { return key_; }
  const Manager& manager() const { return manager_; }
  std::string where(std::string_view field) const;  // "stock[apple]", for errors

  std::optional<Buffer> read(const Place& place) const;
  bool compare_and_set(const Place& place, const std::optional<Buffer>& old, Bytes element);
  // Throws ValueError (the sum is out of bounds), TypeError, IndexError; nothing is changed then.
  Buffer add(const Place& place, const Addend& addend);

  // Reads, lets `fn` change a copy, and writes it if nobody else has written meanwhile; else again.
  template <typename T, typename F>
  T update_place(const Place& place, F& fn, const T* initial);

 private:
  redis::Value checked(redis::Value reply) const;
  void cannot_add(const Place& place, const Addend& addend, std::string_view error) const;

  Manager manager_;
  std::string name_;
  std::string key_;
  const char* what_;
  std::unique_ptr<Anonymous> anonymous_;
};

class Hash : public Container {
 public:
  std::size_t size() const;
  bool empty() const { return size() == 0; }

 protected:
  using Container::Container;
  static Place place(Buffer field) { return {"hash", std::move(field)}; }
  void set_fields(const Pairs& pairs);
  void set_field(Bytes field, Bytes element) { change({"HSET", key(), Buffer(field), Buffer(element)}); }
  void set_fenced(Bytes field, Bytes element, std::uint64_t fence);
  bool erase_fenced(Bytes field, std::uint64_t fence);
  std::size_t erase_fields(const std::vector<Buffer>& fields);
  std::optional<Buffer> get_field(Bytes field) const { return read(place(Buffer(field))); }
  std::vector<std::optional<Buffer>> get_fields(const std::vector<Buffer>& fields) const;
  Buffer set_default(Bytes field, Bytes element);
  std::optional<Buffer> pop_field(Bytes field);
  std::optional<std::pair<Buffer, Buffer>> pop_any();
  bool has_field(Bytes field) const;
  std::vector<Buffer> fields() const;
  std::vector<Buffer> elements() const;
  Pairs pairs() const;
};

class Sequence : public Container {
 public:
  std::size_t size() const;
  bool empty() const { return size() == 0; }

 protected:
  using Container::Container;
  static Place place(std::int64_t index) { return {"list", std::to_string(index)}; }
  // Throws IndexError.
  Buffer at(std::int64_t index) const;
  void set_at(std::int64_t index, Bytes element);
  void push(const std::vector<Buffer>& elements);
  void insert_at(std::int64_t index, Bytes element);
  Buffer pop_at(std::int64_t index);
  std::vector<Buffer> range(std::int64_t begin, std::optional<std::int64_t> end) const;
  std::optional<std::int64_t> find(Bytes element) const;
  bool remove_first(Bytes element);
  bool replace(const std::vector<Buffer>& old, const std::vector<Buffer>& elements);
  std::size_t make(std::size_t number, Bytes element);
  [[noreturn]] void no_index(std::int64_t index) const;
};

class Scalar : public Container {
 protected:
  using Container::Container;
  static Place place() { return {"string", {}}; }
  void make(Bytes element);  // if it is not there
  void put(Bytes element);
  void put_fenced(Bytes element, std::uint64_t fence);
};

class Members : public Container {
 public:
  std::size_t size() const;
  bool empty() const { return size() == 0; }

 protected:
  using Container::Container;
  std::size_t add_members(const std::vector<Buffer>& members);
  std::size_t remove_members(const std::vector<Buffer>& members);
  bool has_member(Bytes member) const;
  std::optional<Buffer> pop_member();
  std::vector<Buffer> members() const;
  // "SUNION", "SINTER", "SDIFF"
  std::vector<Buffer> with(const char* verb, const Members& other) const;
};

template <typename T, typename F>
T Container::update_place(const Place& place, F& fn, const T* initial) {
  for (;;) {
    const std::optional<Buffer> old = read(place);
    if (!old && initial == nullptr) throw KeyError(where(place.field) + " does not exist");
    T value = old ? decode<T>(*old, where(place.field)) : *initial;
    if constexpr (std::is_void_v<std::invoke_result_t<F&, T&>>) {
      fn(value);
    } else {
      value = fn(value);
    }
    if (compare_and_set(place, old, encode(value))) return value;
  }
}

// An element as `container[key]`: reads and writes go to Redis. It can be read as a copy, assigned, added to
// (atomically), but not changed in place.
template <typename Container, typename Key, typename T>
class Item {
 public:
  Item(Container& container, Key key) : container_(container), key_(std::move(key)) {}
  Item(const Item&) = delete;

  operator Copy<T>() const { return container_.get(key_); }
  Copy<T> get() const { return container_.get(key_); }
  Item& operator=(const T& value) { return container_.set(key_, value), *this; }
  Item& operator=(const Item& other) { return container_.set(key_, other.get()), *this; }
  template <typename By>
  T operator+=(const By& by) {
    if constexpr (Number<T>)
      return container_.add(key_, by);
    else
      return container_.update(key_, [&](T& value) { value += by; });
  }
  template <typename By>
  T operator-=(const By& by) {
    if constexpr (Number<T>)
      return container_.subtract(key_, by);
    else
      return container_.update(key_, [&](T& value) { value -= by; });
  }
  T operator++() { return *this += T{1}; }
  T operator--() { return *this -= T{1}; }
  template <typename F>
  T update(F fn) {
    return container_.update(key_, std::move(fn));
  }
  friend bool operator==(const Item& item, const T& value) { return item.get() == value; }

 private:
  Container& container_;
  Key key_;
};

// What adding to a T means: any integer may be added to an integer, as long as the sum is a T; a float may
// not, as its fraction would be lost without a word.
template <Number T, typename By>
Addend plus(const By& by) {
  if constexpr (std::floating_point<T>) {
    return {encode(static_cast<T>(by)), {}, {}};
  } else {
    static_assert(!std::floating_point<By>, "a float is not added to an integer: round it first");
    // Redis adds signed integers of 64 bits.
    constexpr auto greatest = std::min<std::uint64_t>(std::numeric_limits<T>::max(), INT64_MAX);
    const Buffer least = encode(std::numeric_limits<T>::min());
    if constexpr (Integer<By>)
      return {encode(by), least, encode(greatest)};
    else
      return {encode(static_cast<T>(by)), least, encode(greatest)};
  }
}

template <Number T, typename By>
Addend minus(const By& by) {
  if constexpr (std::floating_point<T>) {
    return {encode(-static_cast<T>(by)), {}, {}};
  } else {
    Addend addend = plus<T>(by);
    Buffer& digits = addend.by;
    if (digits != "0") digits = digits[0] == '-' ? digits.substr(1) : "-" + digits;
    return addend;
  }
}

}  // namespace joinery::values
