// The keys and scripts of values.
//
// Keys, below the prefix of the namespace ("joinery:{shop}:"):
//   value:NAME          the container: a hash (Dict, Namespace), a list (List, Array), a set (Set) or a
//   string
//                       (Value, Counter). One key for all kinds, so that a program that expects another kind
//                       finds out.
//   value:NAME:fence    string: the greatest fence with which it was written
//   anonymous           sorted set: NAME of each anonymous container -> until when its owner is believed to
//   live
//
// What an element looks like: encoding.h.
#pragma once

#include <string>
#include <string_view>

#include "shared/redis/redis.h"

namespace joinery::values {

inline std::string value_key(std::string_view prefix, std::string_view name) {
  return std::string(prefix) + "value:" + std::string(name);
}
inline std::string fence_key(std::string_view prefix, std::string_view name) {
  return value_key(prefix, name) + ":fence";
}
inline std::string anonymous_key(std::string_view prefix) { return std::string(prefix) + "anonymous"; }

// What each takes and returns stands above it in scripts.cpp.
extern const redis::Script compare_and_set_script;
extern const redis::Script add_script;
extern const redis::Script fenced_script;
extern const redis::Script set_default_script;
extern const redis::Script pop_field_script;
extern const redis::Script pop_any_script;
extern const redis::Script insert_at_script;
extern const redis::Script pop_at_script;
extern const redis::Script make_list_script;
extern const redis::Script replace_list_script;
extern const redis::Script keep_anonymous_script;

}  // namespace joinery::values
