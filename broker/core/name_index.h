// From names to numbers whose names are kept elsewhere: open addressing with the hashes beside, so that one
// of a million costs a cache line to find, and some 14 bytes. In many small tables, so that growing never
// takes long.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "shared/base/check.h"
#include "shared/base/pages.h"

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
    if (part.table == nullptr) return none;
    for (std::size_t i = part.home(hash); part.table[i].number != none; i = part.after(i)) {
      if (part.table[i].hash == hash && is(part.table[i].number)) return part.table[i].number;
    }
    return none;
  }
  // Where it will be looked for: whoever looks for many fetches the next ones meanwhile. (Not a function that
  // does so: g++ takes its calls to be without effect, and drops them.)
  const void* place_of(std::uint32_t hash, std::size_t behind = 0) const {
    const Part& part = part_of(hash);
    if (part.table == nullptr) return nullptr;
    return &part.table[(part.home(hash) + behind) & (part.capacity - 1)];
  }
  // So far behind it is looked mostly, which may be in the next cache line.
  static constexpr std::size_t probed = 4;
  void insert(std::uint32_t hash, std::uint32_t number) {
    Part& part = parts_[hash >> part_shift];
    if (++part.size * 3 > part.capacity * 2) grow(hash >> part_shift);
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
    for (const Part& part : parts_) entries += part.capacity;
    return entries * sizeof(Entry);
  }

 private:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t number = none;
  };
  struct Part {
    Entry* table = nullptr;
    std::size_t capacity = 0;  // a power of two
    std::size_t size = 0;

    std::size_t home(std::uint32_t hash) const { return hash & (capacity - 1); }
    std::size_t after(std::size_t i) const { return (i + 1) & (capacity - 1); }
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
        const std::size_t distance = (i - home(table[i].hash)) & (capacity - 1);
        if (distance < ((i - hole) & (capacity - 1))) continue;
        table[hole] = table[i];
        hole = i;
      }
      table[hole] = {};
      --size;
    }
  };
  // The tables of one capacity, with a place for each part: as all parts grow at about the same time, those
  // of the capacity before go together.
  struct Tables {
    Pages memory;
    std::size_t used = 0;
  };
  static constexpr unsigned part_shift = 24;
  static constexpr std::size_t part_count = 1U << (32 - part_shift);
  static constexpr std::size_t least_capacity = 16;

  void grow(std::size_t number) {
    Part& part = parts_[number];
    const Part old = part;
    part.capacity = std::max(2 * old.capacity, least_capacity);
    Tables& tables = tables_of(part.capacity);
    if (tables.used++ == 0) tables.memory = Pages(part_count * part.capacity * sizeof(Entry));
    part.table = reinterpret_cast<Entry*>(tables.memory.data()) + number * part.capacity;
    std::fill_n(part.table, part.capacity, Entry{});
    for (std::size_t i = 0; i < old.capacity; ++i) {
      if (old.table[i].number != none) part.place(old.table[i]);
    }
    if (old.capacity == 0) return;
    Tables& left = tables_of(old.capacity);
    if (--left.used == 0) left.memory = Pages();
  }
  Tables& tables_of(std::size_t capacity) {
    return tables_[static_cast<std::size_t>(std::countr_zero(capacity))];
  }
  const Part& part_of(std::uint32_t hash) const { return parts_[hash >> part_shift]; }

  std::array<Part, part_count> parts_;
  std::array<Tables, 32> tables_;  // by the logarithm of their capacity
  std::size_t size_ = 0;
};

}  // namespace joinery::broker
