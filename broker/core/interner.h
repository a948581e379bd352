// Small numbers for names that many jobs share, counted so that a name that nobody uses is forgotten.
//
// A name is kept once, with its count and hash before it, in pieces of 16 bytes that never move; its number
// is that of its first piece. So one of "host:example.org" takes 32 bytes and a place in the index.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "broker/core/name_index.h"

namespace joinery::broker {

class Interner {
 public:
  static constexpr std::size_t name_max = 255;

  Interner();

  // The number of a name of at most name_max bytes, not 0, counted once more.
  std::uint32_t add(std::string_view name) { return add(name, NameIndex::hash_of(name)); }
  std::uint32_t add(std::string_view name, std::uint32_t hash);
  // To be fetched for a name that will be added soon.
  const void* place_of(std::uint32_t hash, std::size_t behind = 0) const {
    return index_.place_of(hash, behind);
  }
  // Counts one that is there once more; 0 is none.
  void use(std::uint32_t number) {
    if (number != 0) ++entry(number).uses;
  }
  void remove(std::uint32_t number);
  // 0: nobody uses it.
  std::uint32_t find(std::string_view name) const;
  // Valid while it is used.
  std::string_view name(std::uint32_t number) const { return entry(number).name(); }

  // What somebody notes about a name while he uses it, 0 at first.
  std::uint32_t mark(std::uint32_t number) const { return entry(number).mark; }
  void set_mark(std::uint32_t number, std::uint32_t mark) { entry(number).mark = mark; }

  std::size_t memory_bytes() const;

 private:
  struct Entry {
    std::uint32_t hash;
    std::uint32_t uses;
    std::uint32_t mark;
    std::uint8_t size;
    bool unused;        // is in unused_
    char beginning[2];  // of the text, which goes on behind the entry

    char* text() { return reinterpret_cast<char*>(this) + head_bytes; }
    std::string_view name() const { return {reinterpret_cast<const char*>(this) + head_bytes, size}; }
  };
  static constexpr std::size_t head_bytes = 14;
  static_assert(sizeof(Entry) == head_bytes + 2);
  struct alignas(16) Piece {
    std::byte bytes[16];
  };
  static constexpr std::uint32_t chunk_pieces = 4096;
  static constexpr std::uint32_t most_pieces = (head_bytes + name_max + sizeof(Piece) - 1) / sizeof(Piece);
  static std::uint32_t pieces_for(std::size_t size) {
    return static_cast<std::uint32_t>((head_bytes + size + sizeof(Piece) - 1) / sizeof(Piece));
  }

  Entry& entry(std::uint32_t number) const {
    return reinterpret_cast<Entry&>(chunks_[number / chunk_pieces][number % chunk_pieces]);
  }
  std::uint32_t find(std::string_view name, std::uint32_t hash) const {
    const std::uint32_t number =
        index_.find(hash, [&](std::uint32_t one) { return entry(one).name() == name; });
    return number == NameIndex::none ? 0 : number;
  }
  std::uint32_t take(std::uint32_t pieces);
  void forget_unused();

  std::vector<std::unique_ptr<Piece[]>> chunks_;
  std::uint32_t next_ = 0;
  std::array<std::vector<std::uint32_t>, most_pieces + 1> free_;  // by their number of pieces
  NameIndex index_;
  // Names that nobody used when they got here: forgotten many at a time, as each costs a cache line or two
  // that have to be waited for else.
  std::vector<std::uint32_t> unused_;
};

}  // namespace joinery::broker
