// Small numbers for names that many jobs share, counted so that a name that nobody uses is forgotten.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace joinery::broker {

class Interner {
 public:
  Interner() : names_(1) {}

  // The number of a name, from 1, counted once more.
  std::uint32_t add(std::string_view name) {
    std::string text(name);
    std::uint32_t& number = numbers_[text];
    if (number == 0) {
      if (free_.empty()) {
        number = static_cast<std::uint32_t>(names_.size());
        names_.emplace_back();
      } else {
        number = free_.back();
        free_.pop_back();
      }
      names_[number].text = std::move(text);
    }
    ++names_[number].uses;
    return number;
  }
  void remove(std::uint32_t number) {
    if (number == 0 || --names_[number].uses != 0) return;
    numbers_.erase(names_[number].text);
    names_[number].text.clear();
    free_.push_back(number);
  }
  // 0: not known.
  std::uint32_t find(std::string_view name) const {
    const auto found = numbers_.find(std::string(name));
    return found == numbers_.end() ? 0 : found->second;
  }
  const std::string& name(std::uint32_t number) const { return names_[number].text; }

 private:
  struct Name {
    std::string text;
    std::uint64_t uses = 0;
  };
  std::vector<Name> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::uint32_t> free_;
};

}  // namespace joinery::broker
