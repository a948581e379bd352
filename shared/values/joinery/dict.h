// A dict in Redis, shared by all who name it.
//
//   joinery::Dict<std::string, int> stock(manager, "stock");
//   stock.set("apple", 3);
//   stock["apple"] += 2;                                      // atomic in Redis
//   stock.update("apple", [](int& n) { n = n * 2 % 7; });     // read-modify-write, again if somebody wrote
//   for (const auto& [fruit, number] : stock.items()) ...     // a copy, in one round trip
//
// - Elements are copies: what get(), [] and items() give does not change the dict. `d["k"].push_back(1)` and
//   `d.get("k").push_back(1)` do not compile; write `d.update("k", [](auto& list) { list.push_back(1); })`.
// - K and V: integers, floats, texts and everything that msgpack knows (encoding.h). An element that another
//   program stored as another type is a TypeError, which names both.
// - The order of keys is not kept.
// - Errors: KeyError, TypeError, StaleFence, ValueError (a sum that is no V, or beyond 64 bits); Exception
// redis_unreachable.
//   A change whose connection was lost under way may or may not have been done.
// - Anonymous (no name): deleted with the object, or within a minute of its process's death; others reach it
//   by name(). Named ones stay until clear(), or expire().
//
// Threads: any number of them may use one object.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "shared/values/core.h"

namespace joinery {

template <typename K, typename V>
class Dict : public joinery::values::Hash {
 public:
  using key_type = K;
  using mapped_type = V;
  using Item = joinery::values::Item<Dict, K, V>;

  explicit Dict(const Manager& manager, std::string name = {}) : Hash(manager, std::move(name), "a dict") {}

  void set(const K& key, const V& value) { set_field(field(key), joinery::values::encode(value)); }
  // Refused with StaleFence if this dict was written with a greater fence (of a Lock, or a job's token):
  // whoever had the lock since has done his work on what this writer does not know of.
  void set(const K& key, const V& value, std::uint64_t fence) {
    set_fenced(field(key), joinery::values::encode(value), fence);
  }
  // Throws KeyError.
  joinery::values::Copy<V> get(const K& key) const {
    const auto element = get_field(field(key));
    if (!element) throw KeyError(where(field(key)) + " does not exist");
    return decode(key, *element);
  }
  V get_or(const K& key, V otherwise) const {
    const auto element = get_field(field(key));
    return element ? decode(key, *element) : std::move(otherwise);
  }
  std::optional<V> find(const K& key) const {
    const auto element = get_field(field(key));
    return element ? std::optional<V>(decode(key, *element)) : std::nullopt;
  }
  bool contains(const K& key) const { return has_field(field(key)); }
  // False: it was not there.
  bool erase(const K& key) { return erase_fields({field(key)}) == 1; }
  bool erase(const K& key, std::uint64_t fence) { return erase_fenced(field(key), fence); }
  // Takes it out. Throws KeyError, or returns `otherwise`.
  V pop(const K& key) {
    const auto element = pop_field(field(key));
    if (!element) throw KeyError(where(field(key)) + " does not exist");
    return decode(key, *element);
  }
  V pop(const K& key, V otherwise) {
    const auto element = pop_field(field(key));
    return element ? decode(key, *element) : std::move(otherwise);
  }
  // Takes out any. Throws KeyError if there is none.
  std::pair<K, V> popitem() {
    const auto pair = pop_any();
    if (!pair) throw KeyError(name() + " is empty");
    return {joinery::values::decode_key<K>(pair->first, name()),
            joinery::values::decode<V>(pair->second, where(pair->first))};
  }
  // What it holds now: what it held, else `value`.
  V setdefault(const K& key, const V& value) {
    return decode(key, set_default(field(key), joinery::values::encode(value)));
  }

  std::vector<K> keys() const {
    std::vector<K> out;
    for (const Buffer& one : fields()) out.push_back(joinery::values::decode_key<K>(one, name()));
    return out;
  }
  std::vector<V> values() const {
    std::vector<V> out;
    for (const Buffer& one : elements()) out.push_back(joinery::values::decode<V>(one, name()));
    return out;
  }
  std::map<K, V> items() const {
    std::map<K, V> out;
    for (const auto& [key, element] : pairs()) {
      out.emplace(joinery::values::decode_key<K>(key, name()),
                  joinery::values::decode<V>(element, where(key)));
    }
    return out;
  }

  // Many at once, in one round trip: any range of pairs.
  template <typename Pairs = std::map<K, V>>
  void update(const Pairs& pairs) {
    joinery::values::Pairs encoded;
    for (const auto& [key, value] : pairs)
      encoded.emplace_back(field(key), joinery::values::encode<V>(value));
    set_fields(encoded);
  }
  std::vector<std::optional<V>> get_many(const std::vector<K>& keys) const {
    std::vector<std::optional<V>> out;
    for (auto& one : get_fields(fields_of(keys))) {
      out.push_back(one ? std::optional<V>(joinery::values::decode<V>(*one, name())) : std::nullopt);
    }
    return out;
  }
  // How many of them were there.
  std::size_t erase_many(const std::vector<K>& keys) { return erase_fields(fields_of(keys)); }

  // Read-modify-write of one element: fn(V&), or V fn(V). It is called again if somebody wrote meanwhile, so
  // it must not do anything else. Returns what was written. Throws KeyError, or begins with `initial`.
  template <typename F>
  requires std::invocable<F&, V&> V update(const K& key, F fn) {
    return update_place<V>(place(field(key)), fn, nullptr);
  }
  template <typename F>
  requires std::invocable<F&, V&> V update(const K& key, F fn, const V& initial) {
    return update_place<V>(place(field(key)), fn, &initial);
  }
  // Atomic in Redis; what is not there counts as 0. The sum. To an integer any integer may be added, also one
  // that is no V; if the sum is no V, or beyond a signed integer of 64 bits, that is a ValueError, and
  // nothing has changed. A float is not added to integers: that does not compile.
  template <typename By = V>
  V add(const K& key, const By& by) requires joinery::values::Number<V> {
    return decode(key, Hash::add(place(field(key)), joinery::values::plus<V>(by)));
  }
  template <typename By = V>
  V subtract(const K& key, const By& by) requires joinery::values::Number<V> {
    return decode(key, Hash::add(place(field(key)), joinery::values::minus<V>(by)));
  }

  Item operator[](K key) { return Item(*this, std::move(key)); }
  joinery::values::Copy<V> operator[](const K& key) const { return get(key); }

 private:
  static Buffer field(const K& key) { return joinery::values::encode_key(key); }
  static std::vector<Buffer> fields_of(const std::vector<K>& keys) {
    std::vector<Buffer> out;
    for (const K& key : keys) out.push_back(field(key));
    return out;
  }
  V decode(const K& key, Bytes element) const {
    return joinery::values::decode<V>(element, where(field(key)));
  }
};

}  // namespace joinery
