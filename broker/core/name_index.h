// From names to numbers whose names are kept elsewhere: open addressing with the hashes beside, so that one
// of a million costs a cache line to find, and some 14 bytes. In many small tables, so that growing never
// takes long.
#pragma once

#include <array>
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

  static std::uint32_t hash_of(std::string_view name) {
    const std::size_t hash = std::hash<std::string_view>{}(name);
    return static_cast<std::uint32_t>(hash ^ hash >> 32U);
  }
  static std::uint32_t hash_of(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::uint32_t>((std::uint64_t{a} << 32U | b) * 0x9e37'79b9'7f4a'7c15ULL >> 32U);
  }
  // `is`: whether this number has the name that was hashed.
  template <typename Is>
  std::uint32_t find(std::uint32_t hash, Is&& is) const {
    const Part& part = part_of(hash);
    if (part.table.empty()) return none;
    for (std::size_t i = part.home(hash); part.table[i].number != none; i = part.after(i)) {
      if (part.table[i].hash == hash && is(part.table[i].number)) return part.table[i].number;
    }
    return none;
  }
  // Where it will be looked for: whoever looks for many fetches the next ones meanwhile. (Not a function that
  // does so: g++ takes its calls to be without effect, and drops them.)
  const void* place_of(std::uint32_t hash) const {
    const Part& part = part_of(hash);
    return part.table.empty() ? nullptr : &part.table[part.home(hash)];
  }
  void insert(std::uint32_t hash, std::uint32_t number) {
    Part& part = parts_[hash >> part_shift];
    if (++part.size * 3 > part.table.size() * 2) part.grow();
    part.place({hash, number});
    ++size_;
  }
  void erase(std::uint32_t hash, std::uint32_t number) {
    parts_[hash >> part_shift].erase(hash, number);
    --size_;
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    std::size_t entries = 0;
    for (const Part& part : parts_) entries += part.table.capacity();
    return entries * sizeof(Entry);
  }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t number = none;
  };
  struct Part {
    std::vector<Entry> table;
    std::size_t size = 0;

    std::size_t home(std::uint32_t hash) const { return hash & (table.size() - 1); }
    std::size_t after(std::size_t i) const { return (i + 1) & (table.size() - 1); }
    void place(const Entry& entry) {
      std::size_t i = home(entry.hash);
      while (table[i].number != none) i = after(i);
      table[i] = entry;
    }
    void erase(std::uint32_t hash, std::uint32_t number) {
      JOINERY_CHECK(size != 0);
      std::size_t hole = home(hash);
      while (table[hole].number != number) {
        JOINERY_CHECK(table[hole].number != none);
        hole = after(hole);
      }
      // Those behind it move up, unless they would come before their home.
      for (std::size_t i = after(hole); table[i].number != none; i = after(i)) {
        const std::size_t distance = (i - home(table[i].hash)) & (table.size() - 1);
        if (distance < ((i - hole) & (table.size() - 1))) continue;
        table[hole] = table[i];
        hole = i;
      }
      table[hole] = {};
      --size;
    }
    void grow() {
      const std::size_t larger = table.empty() ? 4 : table.size() * 2;
      const std::vector<Entry> old = std::exchange(table, std::vector<Entry>(larger));
      for (const Entry& entry : old) {
        if (entry.number != none) place(entry);
      }
    }
  };
  static constexpr unsigned part_shift = 24;
  const Part& part_of(std::uint32_t hash) const { return parts_[hash >> part_shift]; }

  std::array<Part, 1U << (32 - part_shift)> parts_;
  std::size_t size_ = 0;
};

}  // namespace joinery::broker
