#include "broker/journal/tail.h"

#include <algorithm>

#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {
constexpr std::size_t block_size = std::size_t{1} << 20U;
}

char* Tail::extend(Position at, std::size_t size, Position written) {
  if (blocks_.empty() || blocks_.back().end() != at || blocks_.back().capacity - blocks_.back().used < size) {
    forget(written);
    blocks_.push_back(make_block(at, size));
  }
  Block& block = blocks_.back();
  char* memory = block.memory.data() + block.used;
  block.used += size;
  return memory;
}

const char* Tail::find(Position at, std::size_t size) const {
  auto block = std::ranges::upper_bound(blocks_, at, {}, &Block::begin);
  if (block == blocks_.begin()) return nullptr;
  --block;
  if (at + size > block->end()) return nullptr;
  return block->memory.data() + (at - block->begin);
}

void Tail::forget(Position written) {
  while (held_ > limit_ && !blocks_.empty() && blocks_.front().end() <= written) {
    Block& block = blocks_.front();
    held_ -= block.capacity;
    if (block.capacity == block_size) spare_ = std::move(block.memory);
    blocks_.pop_front();
  }
}

Tail::Block Tail::make_block(Position at, std::size_t size) {
  Block block;
  block.capacity = std::max(size, block_size);
  if (spare_ && block.capacity == block_size) {
    block.memory = std::move(spare_);
  } else {
    block.memory = Pages(block.capacity);
  }
  block.begin = at;
  held_ += block.capacity;
  return block;
}

}  // namespace joinery::broker::journal
