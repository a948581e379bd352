#include "broker/core/jobs.h"

#include <bit>

namespace joinery::broker {

std::uint32_t JobIndex::find_block(std::uint64_t key) const {
  if (recent_ != no_slot && blocks_[recent_].key == key) return recent_;
  for (std::size_t at = home(key);; at = (at + 1) & (table_.size() - 1)) {
    const std::uint32_t block = table_[at];
    if (block == no_slot) return no_slot;
    if (blocks_[block].key == key) return recent_ = block;
  }
}

std::uint32_t JobIndex::block_for(std::uint64_t key) {
  if (const std::uint32_t block = find_block(key); block != no_slot) return block;
  if ((block_count_ + 1) * 3 > table_.size() * 2) grow();
  const std::uint32_t block = blocks_.take();
  blocks_[block].key = key;
  ++block_count_;
  std::size_t at = home(key);
  while (table_[at] != no_slot) at = (at + 1) & (table_.size() - 1);
  table_[at] = block;
  return recent_ = block;
}

// Linear probing without tombstones: what could have used the freed place moves up.
void JobIndex::erase_block(std::uint32_t block) {
  const std::size_t mask = table_.size() - 1;
  std::size_t hole = home(blocks_[block].key);
  while (table_[hole] != block) hole = (hole + 1) & mask;
  for (std::size_t at = (hole + 1) & mask; table_[at] != no_slot; at = (at + 1) & mask) {
    const std::size_t from_home = (at - home(blocks_[table_[at]].key)) & mask;
    if (from_home < ((at - hole) & mask)) continue;
    table_[hole] = table_[at];
    hole = at;
  }
  table_[hole] = no_slot;
  blocks_.give(block);
  --block_count_;
  if (recent_ == block) recent_ = no_slot;
}

void JobIndex::grow() {
  std::vector<std::uint32_t> old(table_.size() * 2, no_slot);
  old.swap(table_);
  for (std::uint32_t block : old) {
    if (block == no_slot) continue;
    std::size_t at = home(blocks_[block].key);
    while (table_[at] != no_slot) at = (at + 1) & (table_.size() - 1);
    table_[at] = block;
  }
}

FinishedRing::FinishedRing(std::size_t kept) : entries_(std::bit_ceil(kept * 2 + 1)) {}

void FinishedRing::erase(JobId id) {
  Entry& entry = entries_[id & (entries_.size() - 1)];
  if (entry.id == id) entry = Entry{};
}

}  // namespace joinery::broker
