#include "broker/core/interner.h"

#include <cstring>

#include "shared/base/check.h"

namespace joinery::broker {
namespace {

constexpr std::size_t unused_most = 256;
constexpr std::size_t ahead = 12;  // of what is done, that is fetched

}  // namespace

// Number 0 has an empty name.
Interner::Interner() { new (&entry(take(1))) Entry{}; }

std::uint32_t Interner::add(std::string_view name, std::uint32_t hash) {
  std::uint32_t number = find(name, hash);
  if (number == 0) {
    JOINERY_CHECK(name.size() <= name_max);
    number = take(pieces_for(name.size()));
    Entry& fresh = *new (&entry(number)) Entry{hash, 0, 0, static_cast<std::uint8_t>(name.size()), false, {}};
    std::memcpy(fresh.text(), name.data(), name.size());
    index_.insert(hash, number);
  }
  ++entry(number).uses;
  return number;
}

void Interner::remove(std::uint32_t number) {
  if (number == 0) return;
  Entry& one = entry(number);
  JOINERY_CHECK(one.uses != 0);
  if (--one.uses != 0 || one.unused) return;
  one.unused = true;
  unused_.push_back(number);
  if (unused_.size() >= unused_most) forget_unused();
}

std::uint32_t Interner::find(std::string_view name) const {
  const std::uint32_t number = find(name, NameIndex::hash_of(name));
  return number == 0 || entry(number).uses == 0 ? 0 : number;
}

std::uint32_t Interner::take(std::uint32_t pieces) {
  if (!free_[pieces].empty()) {
    const std::uint32_t number = free_[pieces].back();
    free_[pieces].pop_back();
    return number;
  }
  const std::uint32_t left = static_cast<std::uint32_t>(chunks_.size()) * chunk_pieces - next_;
  if (left < pieces) {
    if (left != 0) free_[left].push_back(next_);
    next_ += left;
    chunks_.push_back(std::make_unique_for_overwrite<Piece[]>(chunk_pieces));
  }
  next_ += pieces;
  return next_ - pieces;
}

void Interner::forget_unused() {
  for (std::size_t i = 0; i < unused_.size(); ++i) {
    if (i + ahead < unused_.size()) {
      const std::uint32_t hash = entry(unused_[i + ahead]).hash;
      __builtin_prefetch(index_.place_of(hash));
      __builtin_prefetch(index_.place_of(hash, NameIndex::probed));
    }
    Entry& one = entry(unused_[i]);
    one.unused = false;
    if (one.uses != 0) continue;  // it is used again
    index_.erase(one.hash, unused_[i]);
    free_[pieces_for(one.size)].push_back(unused_[i]);
  }
  unused_.clear();
}

std::size_t Interner::memory_bytes() const {
  std::size_t sum = chunks_.size() * chunk_pieces * sizeof(Piece) + index_.memory_bytes();
  for (const auto& numbers : free_) sum += numbers.capacity() * sizeof(std::uint32_t);
  return sum;
}

}  // namespace joinery::broker
