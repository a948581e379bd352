// An array of fixed size in Redis, shared by all who name it: a List that cannot grow or shrink.
//
//   joinery::Array<double> sums(manager, "sums", 8);   // eight zeros, unless it is there
//   sums[3] += 0.5;                                    // atomic
#pragma once

#include <joinery/list.h>

namespace joinery {

template <typename T>
class Array : private List<T> {
  using Base = List<T>;

 public:
  using typename Base::Item;
  using typename Base::value_type;

  // Throws ValueError if it is there with another size.
  Array(const Manager& manager, std::string its_name, std::size_t elements, const T& initial = T{})
      : Base(manager, std::move(its_name), "an array") {
    if (const auto its = this->make(elements, values::encode(initial)); its != elements) {
      throw ValueError(this->name() + ": has " + std::to_string(its) + " elements, not " +
                       std::to_string(elements));
    }
  }
  // Anonymous.
  Array(const Manager& manager, std::size_t elements, const T& initial = T{})
      : Array(manager, {}, elements, initial) {}

  using Base::add;
  using Base::contains;
  using Base::empty;
  using Base::exists;
  using Base::expire;
  using Base::get;
  using Base::index;
  using Base::items;
  using Base::name;
  using Base::operator[];
  using Base::persist;
  using Base::set;
  using Base::size;
  using Base::slice;
  using Base::subtract;
  using Base::ttl;
  // Of one element.
  template <typename F>
  requires std::invocable<F&, T&> T update(std::int64_t position, F fn) {
    return Base::update(position, std::move(fn));
  }
  void clear() { Base::clear(); }  // deletes it; elements do not exist until it is made again
};

}  // namespace joinery
