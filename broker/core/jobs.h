// Where the jobs are: packed records of 64 bytes in chunks, addressed by slot; an index from id to slot; and
// a side table for what few jobs have. A waiting job costs its record and about 6 bytes of index.
//
// What is done for each job writes records field by field where they stay, and does not copy them from
// somewhere: what was just written in small pieces and is read in larger ones has to wait until all that was
// written before it is in the cache, which is a job's worth of memory that no cache held.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/core/change.h"
#include "broker/core/dependencies.h"
#include "shared/base/check.h"
#include "shared/job/job.h"

namespace joinery::broker {

// Number of a record. Given again after the job is gone.
using Slot = std::uint32_t;
constexpr Slot no_slot = 0xffff'ffff;

enum JobFlag : std::uint8_t {
  flag_cancelling = 1,  // running, and to end as cancelled
  flag_wall = 2,        // scheduled by the wall clock (run_at), not by a delay
  flag_watched = 4,     // someone waits for its outcome
  flag_awaited = 8,     // a job comes after it
  flag_begun = 16,      // was delivered since it was put or revived
};

struct Job {
  JobId id = 0;
  std::uint64_t position = 0;  // of the payload
  std::uint64_t accepted_ms : 48 = 0;
  std::uint64_t state : 8 = 0;  // State
  std::uint64_t flags : 8 = 0;  // JobFlag
  // Ready and parked: neighbours in the line. Running: neighbours among what the holder holds. Scheduled: due
  // time, as both halves of a Wall.
  Slot previous = no_slot;
  Slot next = no_slot;
  // Ready: place in the order of the queue. Running: the holder.
  std::uint32_t order_or_holder = 0;
  std::uint32_t size = 0;
  std::uint32_t line = 0;
  std::uint32_t spec = 0;
  std::uint32_t batch = 0;
  std::uint32_t attempt = 0;  // of the last delivery; 0: none yet
  std::uint32_t epoch = 0;
  std::uint32_t extra = no_slot;

  State get_state() const { return static_cast<State>(state); }
  void set_state(State value) { state = static_cast<std::uint8_t>(value) & 0xffU; }
  bool has(JobFlag flag) const { return (flags & flag) != 0; }
  void set(JobFlag flag) { flags = (flags | flag) & 0xffU; }
  void clear(JobFlag flag) { flags = flags & ~std::uint64_t{flag} & 0xffU; }
  Token token() const { return {id, attempt, epoch}; }
  bool is(Token token) const { return attempt == token.attempt && epoch == token.epoch; }
  Place place() const { return {position, size}; }

  Wall due() const {
    const std::uint64_t bits = std::uint64_t{next} << 32U | previous;
    return Wall(Duration(static_cast<std::int64_t>(bits)));
  }
  void set_due(Wall due) {
    const auto bits = static_cast<std::uint64_t>(due.time_since_epoch().count());
    previous = static_cast<Slot>(bits);
    next = static_cast<Slot>(bits >> 32U);
  }
};
static_assert(sizeof(Job) == 64);

// What not all jobs have.
struct Extra {
  JobId parent = 0;
  std::uint32_t key = 0;  // interned; 0: none
  std::uint32_t unique = 0;
  std::uint32_t grip = 0;        // what it holds of the limits of its key (keys.h); 0: nothing. Not durable
  std::uint32_t rare = no_slot;  // the rest
};
static_assert(sizeof(Extra) == 24);

// What few jobs have.
struct Rare {
  Wall expires = never_wall;
  Wall deadline = never_wall;
  Wall due{};  // of a parked or blocked one that may not run before; of a dead letter: when it failed
  std::uint32_t failures = 0;
  std::uint32_t crashes = 0;
  std::uint32_t losses = 0;
  std::uint32_t schedule = 0;        // number of the one that put it; 0: none
  std::unique_ptr<Failure> failure;  // the last one
  std::unique_ptr<Waits> waits;      // what it comes after
  bool operator==(const Rare&) const = default;
};

// Records that never move, in chunks, with a list of free ones.
template <typename T, std::size_t ChunkSize = 4096>
class Slab {
 public:
  Slot take() {
    if (!free_.empty()) {
      const Slot slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (used_ == chunks_.size() * ChunkSize) chunks_.push_back(std::make_unique<Chunk>());
    return static_cast<Slot>(used_++);
  }
  void give(Slot slot) {
    (*this)[slot] = T{};
    free_.push_back(slot);
  }
  T& operator[](Slot slot) { return (*chunks_[slot / ChunkSize])[slot % ChunkSize]; }
  const T& operator[](Slot slot) const { return (*chunks_[slot / ChunkSize])[slot % ChunkSize]; }
  // Slots below it were used at some time.
  Slot end() const { return static_cast<Slot>(used_); }
  std::size_t memory_bytes() const {
    return chunks_.size() * sizeof(Chunk) + free_.capacity() * sizeof(Slot);
  }

 private:
  using Chunk = std::array<T, ChunkSize>;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<Slot> free_;
  std::size_t used_ = 0;
};

// From job id to slot. Ids are given in order and mostly come and go in runs, so blocks of 16 neighbouring
// ids are what is hashed: a run of jobs touches one cache line of the index for every 16.
class JobIndex {
 public:
  JobIndex() : table_(64, no_slot) {}

  void insert(JobId id, Slot slot) {
    const std::uint32_t block = block_for(id >> 4U);
    Block& b = blocks_[block];
    JOINERY_CHECK(b.slots[id & 15U] == no_slot);
    b.slots[id & 15U] = slot;
    ++b.used;
    ++size_;
  }
  Slot find(JobId id) const {
    const std::uint32_t block = find_block(id >> 4U);
    return block == no_slot ? no_slot : blocks_[block].slots[id & 15U];
  }
  void erase(JobId id) {
    const std::uint32_t block = find_block(id >> 4U);
    JOINERY_CHECK(block != no_slot && blocks_[block].slots[id & 15U] != no_slot);
    Block& b = blocks_[block];
    b.slots[id & 15U] = no_slot;
    --size_;
    if (--b.used == 0) erase_block(block);
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    return blocks_.memory_bytes() + table_.capacity() * sizeof(std::uint32_t);
  }

 private:
  struct Block {
    std::uint64_t key = ~std::uint64_t{0};
    std::uint32_t used = 0;
    std::array<Slot, 16> slots = filled();
    static constexpr std::array<Slot, 16> filled() {
      std::array<Slot, 16> all{};
      all.fill(no_slot);
      return all;
    }
  };

  std::size_t home(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9e37'79b9'7f4a'7c15ULL) >> 20U) & (table_.size() - 1);
  }
  std::uint32_t find_block(std::uint64_t key) const;
  std::uint32_t block_for(std::uint64_t key);
  void erase_block(std::uint32_t block);
  void grow();

  Slab<Block, 1024> blocks_;
  std::vector<std::uint32_t> table_;  // open addressing, linear probing
  std::size_t block_count_ = 0;
  std::size_t size_ = 0;
  // The block of the last look-up; checked by its key.
  mutable std::uint32_t recent_ = no_slot;
};

// The outcomes of the jobs that finished last, so that a late question can be answered. One place for each
// id modulo a power of two of at least twice `kept`; a later job takes it over.
class FinishedRing {
 public:
  struct Entry {
    JobId id = 0;
    std::uint32_t attempt = 0;
    std::uint32_t epoch = 0;
    Outcome outcome = Outcome::succeeded;
  };
  explicit FinishedRing(std::size_t kept);
  void put(JobId id, std::uint32_t attempt, std::uint32_t epoch, Outcome outcome) {
    Entry& entry = entries_[id & (entries_.size() - 1)];
    entry.id = id;
    entry.attempt = attempt;
    entry.epoch = epoch;
    entry.outcome = outcome;
  }
  const Entry* find(JobId id) const {
    const Entry& entry = entries_[id & (entries_.size() - 1)];
    return entry.id == id && id != 0 ? &entry : nullptr;
  }
  void erase(JobId id);
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace joinery::broker
