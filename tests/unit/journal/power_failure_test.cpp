// Random work, a power failure, recovery, and on with the next life; and proof that this would notice a
// missing fsync.
#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>
#include <random>

#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using State = std::map<JobId, std::string>;

// What may be found after a failure: the state when the log was last durable, or any later one.
class World {
 public:
  World(std::uint64_t seed, bool lose_syncs, bool lose_directory_syncs)
      : random_(seed), lose_syncs_(lose_syncs), lose_directory_syncs_(lose_directory_syncs) {}

  // What went wrong; nothing if all is well.
  std::optional<std::string> run(int lives) {
    for (int life = 0; life < lives; ++life) {
      disk_.lose_syncs(lose_syncs_);
      disk_.lose_directory_syncs(lose_directory_syncs_);
      Log log(disk_);
      if (!log.is_open()) return "does not open: " + log.error().message;
      if (auto wrong = compare(log)) return wrong;
      for (auto steps = random_() % 100; steps > 0; --steps) step(log);
      disk_ = random_() % 4 == 0 ? disk_.after_kill() : disk_.after_power_failure(random_());
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> compare(Log& log) {
    State found;
    for (const auto& [job, place] : log.places()) found[job] = log.payload(job);
    if (std::ranges::find(possible_, found) == possible_.end()) return "lost or invented something";
    possible_ = {found};
    return std::nullopt;
  }

  void step(Log& log) {
    State state = possible_.back();
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: {
        const std::string payload(random_() % 1500, static_cast<char>('a' + random_() % 26));
        state[log.put({payload})] = payload;
        return possible_.push_back(state);
      }
      case 3:
      case 4: {
        if (state.empty()) return;
        const auto job = std::next(state.begin(), static_cast<std::ptrdiff_t>(random_() % state.size()));
        log.finish(job->first);
        state.erase(job);
        return possible_.push_back(state);
      }
      case 5: {
        log->commit(true);
        EXPECT_EQ(log->durable(), log->end());
        possible_ = {state};
        return;
      }
      case 6: return log->commit(false);
      default: {
        for (const auto& candidate : log->to_move(10)) log.move(candidate);
        if (random_() % 4 != 0) return;
        log.checkpoint();
        possible_ = {state};
      }
    }
  }

  std::mt19937_64 random_;
  bool lose_syncs_, lose_directory_syncs_;
  FakeDisk disk_;
  std::vector<State> possible_{State{}};
};

TEST(PowerFailure, loses_nothing_that_was_durable_and_invents_nothing) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto wrong = World(seed + i, false, false).run(10);
    ASSERT_FALSE(wrong) << *wrong << "; JOINERY_SEED=" << seed + i;
  }
}

// Where a file's rename was lost with what was written to it, the log came back after the next failure.
TEST(PowerFailure, brings_nothing_back_that_a_life_before_has_cut_off) {
  for (const std::uint64_t seed : {3613210313U, 1412U, 1563U, 2828U, 5751U, 6976U, 7732U, 13437U}) {
    const auto wrong = World(seed, false, false).run(10);
    EXPECT_FALSE(wrong) << *wrong << "; JOINERY_SEED=" << seed;
  }
}

// How many of a hundred worlds notice.
int noticed(bool lose_syncs, bool lose_directory_syncs) {
  int count = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    count += World(seed, lose_syncs, lose_directory_syncs).run(10) ? 1 : 0;
  return count;
}

TEST(PowerFailure, a_missing_sync_of_files_would_be_noticed) { EXPECT_GT(noticed(true, false), 10); }

TEST(PowerFailure, a_missing_sync_of_the_directory_would_be_noticed) { EXPECT_GT(noticed(false, true), 10); }

}  // namespace
}  // namespace joinery::broker::testing
