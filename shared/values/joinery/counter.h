// A counter in Redis, shared by all who name it: a Value<std::int64_t> with the words of a counter. Every
// change is atomic and returns the number that it made.
#pragma once

#include <joinery/value.h>

namespace joinery {

class Counter : public Value<std::int64_t> {
 public:
  Counter(const Manager& manager, std::string name, std::int64_t initial = 0)
      : Value(manager, std::move(name), initial) {}
  explicit Counter(const Manager& manager) : Value(manager) {}

  std::int64_t increment(std::int64_t by = 1) { return add(by); }
  std::int64_t decrement(std::int64_t by = 1) { return subtract(by); }
  void reset(std::int64_t to = 0) { set(to); }
};

}  // namespace joinery
