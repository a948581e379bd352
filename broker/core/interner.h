// Small numbers for names that many jobs share, counted so that a name that nobody uses is forgotten.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/name_index.h"

namespace joinery::broker {

class Interner {
 public:
  Interner() : names_(1) {}

  // The number of a name, from 1, counted once more.
  std::uint32_t add(std::string_view name) {
    const std::uint32_t hash = NameIndex::hash_of(name);
    std::uint32_t number = find(name, hash);
    if (number == 0) {
      if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(names_.size()));
        names_.emplace_back();
      }
      number = free_.back();
      free_.pop_back();
      names_[number].text = name;
      names_[number].hash = hash;
      index_.insert(hash, number);
    }
    ++names_[number].uses;
    return number;
  }
  // Counts one that is there once more; 0 is none.
  void use(std::uint32_t number) {
    if (number != 0) ++names_[number].uses;
  }
  void remove(std::uint32_t number) {
    if (number == 0 || --names_[number].uses != 0) return;
    index_.erase(names_[number].hash, number);
    names_[number].text.clear();
    free_.push_back(number);
  }
  // 0: not known.
  std::uint32_t find(std::string_view name) const { return find(name, NameIndex::hash_of(name)); }
  const std::string& name(std::uint32_t number) const { return names_[number].text; }

 private:
  struct Name {
    std::string text;
    std::uint64_t uses = 0;
    std::uint32_t hash = 0;
  };
  std::uint32_t find(std::string_view name, std::uint32_t hash) const {
    const std::uint32_t number =
        index_.find(hash, [&](std::uint32_t one) { return names_[one].text == name; });
    return number == NameIndex::none ? 0 : number;
  }

  std::vector<Name> names_;
  NameIndex index_;
  std::vector<std::uint32_t> free_;
};

}  // namespace joinery::broker
