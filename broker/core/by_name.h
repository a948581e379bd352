// Maps by names that are looked up by views of them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace joinery::broker {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename T>
using ByName = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

}  // namespace joinery::broker
