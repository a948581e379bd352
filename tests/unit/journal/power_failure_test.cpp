// Random work, a power failure, recovery, and on with the next life; and proof that this would notice a
// missing fsync.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "broker/journal/format.h"
#include "tests/unit/journal/fixture.h"
#include "tests/unit/journal/losing_directory.h"

namespace joinery::broker::testing {
namespace {

using State = std::map<JobId, std::string>;

// What may be found after a failure: the state when the log was last durable, or any later one.
class World {
 public:
  // `loses`: syncs that are left out.
  explicit World(
      std::uint64_t seed, Loses loses = [](std::string_view) { return false; })
      : random_(seed), loses_(std::move(loses)) {}

  // What went wrong; nothing if all is well.
  std::optional<std::string> run(int lives) {
    for (int life = 0; life < lives; ++life) {
      Log log(losing(disk_.mount(), loses_), small_options());
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
  Loses loses_;
  FakeDisk disk_;
  std::vector<State> possible_{State{}};
};

TEST(PowerFailure, loses_nothing_that_was_durable_and_invents_nothing) {
  const char* given = std::getenv("JOINERY_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto wrong = World(seed + i).run(10);
    ASSERT_FALSE(wrong) << *wrong << "; JOINERY_SEED=" << seed + i;
  }
}

// Where a file's rename was lost with what was written to it, the log came back after the next failure.
TEST(PowerFailure, brings_nothing_back_that_a_life_before_has_cut_off) {
  for (const std::uint64_t seed : {3613210313U, 1412U, 1563U, 2828U, 5751U, 6976U, 7732U, 13437U}) {
    const auto wrong = World(seed).run(10);
    EXPECT_FALSE(wrong) << *wrong << "; JOINERY_SEED=" << seed;
  }
}

// Each place where the journal syncs, left out.
struct SyncPoint {
  const char* name;
  const char* begins;  // of what LosingDirectory calls it
};
class LeftOut : public ::testing::TestWithParam<SyncPoint> {};

TEST_P(LeftOut, would_be_noticed) {
  int noticed = 0;
  const Loses loses = [](std::string_view point) { return point.starts_with(GetParam().begins); };
  for (std::uint64_t seed = 1; seed <= 300 && noticed == 0; ++seed)
    noticed += World(seed, loses).run(10) ? 1 : 0;
  EXPECT_GT(noticed, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Sync, LeftOut,
    ::testing::Values(SyncPoint{"of_meta", "meta.new"}, SyncPoint{"of_a_segment", "segment-"},
                      SyncPoint{"of_a_spare", "spare-"}, SyncPoint{"of_the_mark", "mark.new"},
                      SyncPoint{"of_the_name_of_a_segment", "directory after rename spare"},
                      SyncPoint{"of_a_new_segment", "directory after create"},
                      SyncPoint{"of_a_checkpoint", "checkpoint.new"}),
    [](const auto& point) { return std::string(point.param.name); });

// The others are there for file systems on which later names can survive without earlier ones, which the fake
// disk does not imitate: what rests on a name comes after the sync of its directory.
class SyncOrder : public ::testing::Test {
 protected:
  // What follows the last event that begins so.
  std::string after(const std::string& begin) const {
    const auto found = std::find_if(events.rbegin(), events.rend(),
                                    [&](const std::string& event) { return event.starts_with(begin); });
    return found == events.rend() || found == events.rbegin() ? "nothing" : *std::prev(found);
  }

  std::vector<std::string> events;
  const Loses watch = [this](std::string_view event) {
    for (const char* kind : {"create", "rename", "remove", "directory"})
      if (event.starts_with(kind)) events.emplace_back(event);
    return false;
  };
};

TEST_F(SyncOrder, is_of_a_name_before_anything_rests_on_it) {
  const FakeDisk disk;
  {
    Log log(losing(disk.mount(), watch), small_options());
    EXPECT_EQ(after("rename meta.new"), "directory after rename meta.new");
    log.put_durably({"one"});
    log.checkpoint();
    log.put_durably({"two"});
    log.checkpoint();
    EXPECT_EQ(after("rename checkpoint.new"), "directory after rename checkpoint.new");
    EXPECT_THAT(after("directory after rename checkpoint.new"), ::testing::StartsWith("remove checkpoint-"));
  }
  // A log of several segments, of which nothing is proven, and the first record of the second is damaged.
  const FakeDisk other;
  FakeDisk torn;
  {
    Log log(other);
    for (int i = 0; i < 3; ++i) log.put({std::string(4000, 'x')});
    log->commit(false);
    torn = other.after_kill();
  }
  torn.flip(journal::segment_name(1), 60, 1);
  Log log(losing(torn.mount(), watch), small_options());
  EXPECT_THAT(after("remove segment-"), ::testing::StartsWith("directory after remove segment-"));
}

TEST_F(SyncOrder, of_a_repair_is_of_the_copy_then_of_what_replaces_it_and_of_what_is_moved_aside) {
  const std::string first = journal::segment_name(0), second = journal::segment_name(1);
  const FakeDisk disk;
  Position damaged = 0;
  {
    Log log(disk);
    log.put_durably({"kept"});
    damaged = log->end();
    log.put_durably({"damaged"});
    log.put_durably({std::string(4000, 'x')});
  }
  disk.flip(first, damaged + 60, 1);
  const FakeDisk cut_off = disk.after_kill();
  ASSERT_TRUE(Repaired(losing(disk.mount(), watch)).repair);
  const std::string copy = "rename quarantine-1-" + first + ".new", replaced = "rename " + first + ".new";
  EXPECT_EQ(after(copy), "directory after " + copy);
  EXPECT_EQ(after("directory after " + copy), "create " + first + ".new");
  EXPECT_EQ(after(replaced), "directory after " + replaced);
  EXPECT_EQ(after("rename " + second), "directory after rename " + second);
  EXPECT_EQ(after("rename repair.new"), "directory after rename repair.new");
  EXPECT_THAT(after("directory after rename repair.new"), ::testing::StartsWith("remove spare-"));
  EXPECT_EQ(after("rename mark.new"), "directory after rename mark.new");
  EXPECT_EQ(after("directory after rename mark.new"), "remove repair");
  EXPECT_EQ(after("remove repair"), "directory after remove repair");

  // One that is finished rests on names that the first run may not have synced.
  cut_off.fail_after(12);
  ASSERT_FALSE(Repaired(cut_off).repair);
  events.clear();
  const auto finished = Repaired(losing(cut_off.after_kill().mount(), watch)).repair;
  ASSERT_TRUE(finished && finished->resumed);
  EXPECT_EQ(events.front(), "directory after nothing");
}

}  // namespace
}  // namespace joinery::broker::testing
