// Jobs of a queue that have ended, for people who ask later: the latest ones, within a number of bytes and an
// age; the oldest go first. Neighbouring jobs of which the same is to be said share one entry (a run), so
// that a million of bulk jobs cost what a few thousand entries do; what few jobs have (a key, a failure, a
// parent) is beside it. No payloads: those are given back when a job ends.
//
// Nothing is decided by it, and no record of the journal is written for it: it follows from the changes that
// end jobs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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
    std::uint64_t accepted_ms : 48 = 0;
    std::uint64_t outcome : 8 = 0;  // Outcome
    std::uint64_t key_size : 8 = 0;
    std::uint64_t ended_ms : 48 = 0;
    std::uint64_t attempt : 16 = 0;
    std::uint32_t count = 0;
    std::uint32_t handler = 0;  // interned; counted
    std::uint32_t batch = 0;
    std::uint32_t key_at = 0;  // in the names of its block
    JobId parent = 0;
    std::int64_t priority = 0;
    std::unique_ptr<Details> details;  // null: none; else it is one job
  };

  bool empty() const { return runs_ == 0; }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t runs() const { return runs_; }
  std::uint64_t jobs() const { return jobs_; }
  Wall oldest() const { return ended(blocks_.front().runs[front_]); }
  static Wall ended(const Run& run) { return Wall(std::chrono::milliseconds(run.ended_ms)); }

  // The name of the handler is counted here.
  void add(Run&& run, std::string_view key, Interner& handlers);
  void drop_oldest(Interner& handlers);

  // Null: not there. `key`: of the job, valid until something is added.
  const Run* find(JobId id, std::string_view& key) const;
  // Blocks of neighbours, the latest first: the least and the greatest id, and how many runs.
  template <typename F>
  void for_each_block(F&& see) const {
    for (std::size_t block = blocks_.size(); block-- > 0;)
      see(blocks_[block].low, blocks_[block].high, blocks_[block].runs.size());
  }
  // Those of blocks that may have ids from `begin` on, which may grow meanwhile, and below `end`.
  template <typename F>
  void for_each_latest(const JobId& begin, JobId end, F&& see) const {
    for (std::size_t block = blocks_.size(); block-- > 0;) {
      if (blocks_[block].high < begin || blocks_[block].low >= end) continue;
      const std::vector<Run>& runs = blocks_[block].runs;
      for (std::size_t i = runs.size(); i-- > (block == 0 ? front_ : 0);)
        see(runs[i], key_of(blocks_[block], runs[i]));
    }
  }
  // Oldest first.
  template <typename F>
  void for_each(F&& see) const {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      const std::vector<Run>& runs = blocks_[block].runs;
      for (std::size_t i = block == 0 ? front_ : 0; i < runs.size(); ++i)
        see(runs[i], key_of(blocks_[block], runs[i]));
    }
  }

  Wall aged_at = never_wall;  // when it is next looked through for what is too old

 private:
  // With the range of its ids, so that a search passes over most of them.
  struct Block {
    JobId low = ~JobId{0};
    JobId high = 0;
    std::vector<Run> runs;
    std::string names;  // of keys
  };
  static constexpr std::size_t block_runs = 256;

  static bool extends(const Run& last, const Run& run);
  static std::string_view key_of(const Block& block, const Run& run) {
    return std::string_view(block.names).substr(run.key_at, run.key_size);
  }
  static std::size_t cost(const Run& run);

  std::vector<Block> blocks_;
  std::size_t front_ = 0;  // runs of the first block that are gone
  std::uint64_t runs_ = 0;
  std::uint64_t jobs_ = 0;
  std::size_t bytes_ = 0;
};
static_assert(sizeof(History::Run) == 64);

}  // namespace joinery::broker
