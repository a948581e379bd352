// A set in Redis, shared by all who name it (dict.h says what holds for every container).
//
//   joinery::Set<std::string> seen(manager, "seen");
//   if (seen.add(url)) ...                       // true: it is new
#pragma once

#include <vector>

#include "shared/values/core.h"

namespace joinery {

template <typename T>
class Set : public values::Members {
 public:
  using value_type = T;

  explicit Set(const Manager& manager, std::string name = {}) : Members(manager, std::move(name), "a set") {}

  // False: it was there.
  bool add(const T& member) { return add_members({values::encode_key(member)}) == 1; }
  // Many in one round trip. How many are new.
  template <typename Range = std::vector<T>>
  std::size_t update(const Range& range) {
    std::vector<Buffer> encoded;
    for (const auto& member : range) encoded.push_back(values::encode_key<T>(member));
    return add_members(encoded);
  }
  bool contains(const T& member) const { return has_member(values::encode_key(member)); }
  // False: it was not there.
  bool discard(const T& member) { return remove_members({values::encode_key(member)}) == 1; }
  // Throws KeyError if it was not there.
  void remove(const T& member) {
    if (!discard(member)) throw KeyError(name() + ": no such member");
  }
  // Takes out any. Throws KeyError if there is none.
  T pop() {
    const auto member = pop_member();
    if (!member) throw KeyError(name() + " is empty");
    return values::decode_key<T>(*member, name());
  }
  // Copies, in no order.
  std::vector<T> items() const { return decode_all(members()); }
  std::vector<T> set_union(const Set& other) const { return decode_all(with("SUNION", other)); }
  std::vector<T> intersection(const Set& other) const { return decode_all(with("SINTER", other)); }
  std::vector<T> difference(const Set& other) const { return decode_all(with("SDIFF", other)); }

 private:
  std::vector<T> decode_all(const std::vector<Buffer>& members) const {
    std::vector<T> out;
    for (const Buffer& one : members) out.push_back(values::decode_key<T>(one, name()));
    return out;
  }
};

}  // namespace joinery
