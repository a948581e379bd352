// The end of the log in memory: what the engine appends to, the sync thread writes from, and most payloads
// are read back from.
#pragma once

#include <cstddef>
#include <deque>

#include "broker/journal/journal.h"
#include "shared/base/pages.h"

namespace joinery::broker::journal {

// Blocks of memory that do not move while they are held. Threads: the engine's; the sync thread reads bytes
// that it was given, which the engine does not touch again.
class Tail {
 public:
  // Holds about so many bytes.
  explicit Tail(std::size_t bytes) : limit_(bytes) {}

  // Memory for `size` bytes of the log from `at`, contiguous with what came before where it can be.
  // Positions only grow. Forgets old blocks, but only those that lie below `written`.
  char* extend(Position at, std::size_t size, Position written);
  // The bytes from `at`, or null if they are not held any more.
  const char* find(Position at, std::size_t size) const;

 private:
  struct Block {
    Pages memory;
    std::size_t capacity = 0;
    Position begin = 0;
    std::size_t used = 0;
    Position end() const { return begin + used; }
  };

  void forget(Position written);
  Block make_block(Position at, std::size_t size);

  std::size_t limit_;
  std::size_t held_ = 0;
  std::deque<Block> blocks_;
  Pages spare_;  // the last block forgotten: its pages are there already
};

}  // namespace joinery::broker::journal
