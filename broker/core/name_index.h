// From names to numbers whose names are kept elsewhere: open addressing with the hashes beside, so that one of a
// million costs a cache line to find, and 16 bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/check.h"

namespace joinery::broker {

class NameIndex {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  NameIndex() : table_(64) {}

  static std::uint32_t hash_of(std::string_view name) {
    const std::size_t hash = std::hash<std::string_view>{}(name);
    return static_cast<std::uint32_t>(hash ^ hash >> 32U);
  }
  // `is`: whether this number has the name that was hashed.
  template <typename Is>
  std::uint32_t find(std::uint32_t hash, Is&& is) const {
    for (std::size_t i = home(hash); table_[i].number != none; i = after(i)) {
      if (table_[i].hash == hash && is(table_[i].number)) return table_[i].number;
    }
    return none;
  }
  void insert(std::uint32_t hash, std::uint32_t number) {
    if (++size_ * 2 > table_.size()) grow();
    place({hash, number});
  }
  void erase(std::uint32_t hash, std::uint32_t number) {
    std::size_t hole = home(hash);
    while (table_[hole].number != number) {
      JOINERY_CHECK(table_[hole].number != none);
      hole = after(hole);
    }
    // Those behind it move up, unless they would come before their home.
    for (std::size_t i = after(hole); table_[i].number != none; i = after(i)) {
      const std::size_t distance = (i - home(table_[i].hash)) & (table_.size() - 1);
      if (distance < ((i - hole) & (table_.size() - 1))) continue;
      table_[hole] = table_[i];
      hole = i;
    }
    table_[hole] = {};
    --size_;
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return table_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t number = none;
  };
  std::size_t home(std::uint32_t hash) const { return hash & (table_.size() - 1); }
  std::size_t after(std::size_t i) const { return (i + 1) & (table_.size() - 1); }
  void place(const Entry& entry) {
    std::size_t i = home(entry.hash);
    while (table_[i].number != none) i = after(i);
    table_[i] = entry;
  }
  void grow() {
    const std::vector<Entry> old = std::exchange(table_, std::vector<Entry>(table_.size() * 2));
    for (const Entry& entry : old) {
      if (entry.number != none) place(entry);
    }
  }

  std::vector<Entry> table_;
  std::size_t size_ = 0;
};

}  // namespace joinery::broker
