// Jobs of a queue that have ended, for people who ask later: the latest ones, within a number of bytes and an
// age; the oldest go first. Neighbouring jobs of which the same is to be said share one entry (a run), so
// that a million of bulk jobs cost what a few thousand entries do, also if each has a key of its own: the
// keys stand beside the runs, with what few jobs have (a failure). No payloads: those are given back when a
// job ends.
//
// Nothing is decided by it, and no record of the journal is written for it: it follows from the changes that
// end jobs.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/interner.h"
#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::broker {

class History {
 public:
  // What few jobs have.
  struct Details {
    std::uint32_t failures = 0;
    std::uint32_t crashes = 0;
    std::uint32_t losses = 0;
    Failure failure;  // the last one
  };
  // Jobs first .. first+count-1, alike in all that follows.
  struct Run {
    JobId first = 0;
    std::uint32_t count = 1;
    Outcome outcome = Outcome::succeeded;
    std::uint64_t accepted_ms = 0;
    std::uint64_t ended_ms = 0;
    std::uint32_t attempt = 0;
    std::uint32_t handler = 0;  // interned
    std::uint32_t batch = 0;
    JobId parent = 0;
    std::int64_t priority = 0;
    std::string_view key;              // as details, valid until something is added or dropped
    const Details* details = nullptr;  // null: none; else it is one job

    Wall ended() const { return Wall(std::chrono::milliseconds(ended_ms)); }
  };

  bool empty() const { return pieces_ == 0; }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t pieces() const { return pieces_; }  // that for_each shows
  std::uint64_t jobs() const { return jobs_; }
  Wall oldest() const { return Wall(std::chrono::milliseconds(blocks_.front().runs[front_].ended_ms)); }

  // The name of the handler is counted here.
  void add(const Run& run, std::unique_ptr<Details> details, Interner& handlers);
  void drop_oldest(Interner& handlers);

  // As a run of this job alone.
  std::optional<Run> find(JobId id) const;
  // Blocks of neighbours, the latest first: the least and the greatest id, and how many pieces.
  template <typename F>
  void for_each_block(F&& see) const {
    for (std::size_t block = blocks_.size(); block-- > 0;)
      see(blocks_[block].low, blocks_[block].high, blocks_[block].pieces);
  }
  // Those of blocks that may have ids from `begin` on, which may grow meanwhile, and below `end`.
  template <typename F>
  void for_each_latest(const JobId& begin, JobId end, F&& see) const {
    for (std::size_t block = blocks_.size(); block-- > 0;) {
      if (blocks_[block].high < begin || blocks_[block].low >= end) continue;
      for (std::size_t i = blocks_[block].runs.size(); i-- > (block == 0 ? front_ : 0);)
        show(blocks_[block], blocks_[block].runs[i], see);
    }
  }
  // Oldest first.
  template <typename F>
  void for_each(F&& see) const {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      for (std::size_t i = block == 0 ? front_ : 0; i < blocks_[block].runs.size(); ++i)
        show(blocks_[block], blocks_[block].runs[i], see);
    }
  }

  Wall aged_at = never_wall;  // when it is next looked through for what is too old

 private:
  enum class Keys : std::uint8_t { none, one, each };
  // A run as it is kept.
  struct Kept {
    JobId first = 0;
    std::uint64_t accepted_ms : 48 = 0;
    std::uint64_t outcome : 8 = 0;
    std::uint64_t keys : 8 = 0;  // Keys
    std::uint64_t ended_ms : 48 = 0;
    std::uint64_t attempt : 16 = 0;
    std::uint32_t count = 0;
    std::uint32_t handler = 0;
    std::uint32_t batch = 0;
    std::uint32_t names_at = 0;  // in those of its block: the key of all its jobs, or of each
    JobId parent = 0;
    std::int64_t priority = 0;
    std::unique_ptr<Details> details;

    Keys get_keys() const { return static_cast<Keys>(keys); }
    void set_keys(Keys value) { keys = static_cast<std::uint8_t>(value); }
    std::uint32_t pieces() const { return get_keys() == Keys::each ? count : 1; }
  };
  static_assert(sizeof(Kept) == 64);
  // With the range of its ids, so that a search passes over most of them.
  struct Block {
    JobId low = ~JobId{0};
    JobId high = 0;
    std::size_t pieces = 0;
    std::vector<Kept> runs;
    std::string names;  // keys, each behind its length
  };
  static constexpr std::size_t block_runs = 256;
  static constexpr std::size_t block_names = 16'384;   // bytes; no new run after them
  static constexpr std::uint32_t keyed_run_max = 256;  // jobs with a key of each, as they are searched

  static bool alike(const Kept& last, const Run& run);
  bool extend(Block& block, const Run& run);
  Block& block_for_next();
  static void keep(Kept& kept, const Run& run);
  static Run read(const Block& block, const Kept& kept);
  static void append_name(std::string& names, std::string_view name);
  static std::string_view name_at(const std::string& names, std::size_t at);
  static std::size_t bytes_of(const Block& block, std::size_t run);

  template <typename F>
  static void show(const Block& block, const Kept& kept, F&& see) {
    Run run = read(block, kept);
    if (kept.get_keys() != Keys::each) return see(std::as_const(run));
    run.count = 1;
    for (std::size_t at = kept.names_at; run.first != kept.first + kept.count; ++run.first) {
      run.key = name_at(block.names, at);
      at += 1 + run.key.size();
      see(std::as_const(run));
    }
  }

  std::deque<Block> blocks_;
  std::size_t front_ = 0;  // runs of the first block that are gone
  std::uint64_t pieces_ = 0;
  std::uint64_t jobs_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace joinery::broker
