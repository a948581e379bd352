// Named values of any types in Redis, shared by all who name it (dict.h says what holds for every container).
//
//   joinery::Namespace config(manager, "config");
//   config.set("retries", 3);
//   int retries = config.get<int>("retries");     // TypeError if it is no integer
//   config.add("retries", 1);                     // atomic
#pragma once

#include "shared/values/core.h"

namespace joinery {

class Namespace : public values::Hash {
 public:
  explicit Namespace(const Manager& manager, std::string name = {})
      : Hash(manager, std::move(name), "a namespace") {}

  template <typename T>
  void set(std::string_view attribute, const T& value) {
    set_field(attribute, encode(value));
  }
  // See Dict::set.
  template <typename T>
  void set(std::string_view attribute, const T& value, std::uint64_t fence) {
    set_fenced(attribute, encode(value), fence);
  }
  // Throws KeyError.
  template <typename T>
  values::Copy<T> get(std::string_view attribute) const {
    const auto element = get_field(attribute);
    if (!element) throw KeyError(where(attribute) + " does not exist");
    return values::decode<T>(*element, where(attribute));
  }
  template <typename T>
  T get_or(std::string_view attribute, T otherwise) const {
    const auto element = get_field(attribute);
    return element ? values::decode<T>(*element, where(attribute)) : std::move(otherwise);
  }
  bool contains(std::string_view attribute) const { return has_field(attribute); }
  bool erase(std::string_view attribute) { return erase_fields({Buffer(attribute)}) == 1; }
  std::vector<std::string> names() const { return fields(); }

  template <typename T, typename F>
  T update(std::string_view attribute, F fn) {
    return update_place<T>(place(Buffer(attribute)), fn, nullptr);
  }
  // Atomic in Redis; what is not there counts as 0. The sum, which is a T (else ValueError): an integer that
  // a float is added to becomes one, as Python's; to a float no integer is added (TypeError). Nothing has
  // changed after an error.
  template <values::Number T>
  T add(std::string_view attribute, T by) {
    return values::decode<T>(Hash::add(place(Buffer(attribute)), values::plus<T>(by)), where(attribute));
  }

 private:
  // A literal is a text.
  template <typename T>
  static Buffer encode(const T& value) {
    if constexpr (values::Text<T>)
      return values::encode(std::string(value));
    else
      return values::encode(value);
  }
};

}  // namespace joinery
