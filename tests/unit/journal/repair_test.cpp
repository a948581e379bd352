// What --check-journal and --repair-journal say of a damaged journal, and what they leave.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "broker/journal/format.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string first_segment = journal::segment_name(0);

// Three jobs in one segment each, all durable; a second record in the first.
FakeDisk four_records() {
  const FakeDisk disk;
  Log log(disk);
  log.put_durably({"small"});
  for (int i = 0; i < 3; ++i) log.put_durably({std::string(4000, 'x')});
  return disk.after_kill();
}

TEST(CheckJournal, counts_a_whole_journal_and_names_the_first_damage) {
  const Small small(true);
  JournalReport report = check(small.disk);
  EXPECT_EQ(report.records, 5U);  // with the opening and the closing one
  EXPECT_EQ(report.payload_bytes, 14U);
  EXPECT_TRUE(report.clean);
  EXPECT_EQ(report.damage, "");
  small.disk.flip(first_segment, small.ends[0], 3);
  report = check(small.disk);
  EXPECT_THAT(report.damage, HasSubstr(first_segment + " at offset " + std::to_string(small.ends[0])));
}

TEST(CheckJournal, says_what_was_expected_and_what_was_found) {
  const Small small(true);
  small.disk.flip(first_segment, small.ends[0] + 45, 3);
  const JournalReport report = check(small.disk);
  ASSERT_THAT(report.damages, SizeIs(1));
  EXPECT_EQ(report.damages[0].place, first_segment + " at offset " + std::to_string(small.ends[0]));
  EXPECT_EQ(report.damages[0].bytes, small.ends[1] - small.ends[0]);
  EXPECT_THAT(report.damages[0].what, HasSubstr("expected record 3 (previous "));
  EXPECT_THAT(report.damages[0].what, HasSubstr("found a record whose checksum says"));
}

TEST(CheckJournal, finds_every_damage_of_a_log_not_only_the_first) {
  const FakeDisk disk = four_records();
  disk.flip(first_segment, 50, 1);
  disk.flip(journal::segment_name(2), 60, 1);
  const JournalReport report = check(disk);
  ASSERT_THAT(report.damages, SizeIs(2));
  EXPECT_THAT(report.damages[0].place, HasSubstr(first_segment + " at offset 40"));
  EXPECT_THAT(report.damages[1].place, HasSubstr(journal::segment_name(2) + " at offset 0"));
}

TEST(CheckJournal, finds_a_damaged_mark_beside_a_damaged_record) {
  const FakeDisk disk = four_records();
  disk.flip(first_segment, 50, 1);
  disk.flip("mark", 30, 1);
  const JournalReport report = check(disk);
  ASSERT_THAT(report.damages, SizeIs(2));
  EXPECT_EQ(report.damages[1].place, "mark at offset 0");
}

TEST(CheckJournal, tells_damage_below_the_checkpoint_from_damage_that_stops_a_broker) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put_durably({"one"});
    log.put_durably({"two"});
    log.checkpoint();
  }
  disk.flip(first_segment, 90, 1);
  const JournalReport report = check(disk);
  EXPECT_THAT(report.damages, IsEmpty());
  ASSERT_THAT(report.payload_damages, SizeIs(1));
  EXPECT_THAT(report.payload_damages[0].what, HasSubstr("the payloads of 1 jobs lie here"));
  EXPECT_THAT(report.damage, HasSubstr(first_segment + " at offset 40"));
  EXPECT_THAT(Repaired(disk).repair->damages, IsEmpty());
}

TEST(CheckJournal, says_nothing_of_damage_below_the_checkpoint_where_only_payloads_of_ended_jobs_lie) {
  const FakeDisk disk;
  Position ended = 0, needed = 0;
  {
    Log log(disk);
    log.put_durably({"ended"});
    log.put_durably({"one", "two"});
    ended = log.places().at(1).position;
    needed = log.places().at(2).position;
    log.finish(1);
    log.checkpoint();
  }
  const FakeDisk other = disk.after_kill();
  disk.flip(first_segment, ended, 1);
  EXPECT_EQ(check(disk).damage, "");
  other.flip(first_segment, needed, 1);
  EXPECT_THAT(check(other).damage, HasSubstr("the payloads of 2 jobs lie here"));
}

TEST(CheckJournal, finds_whatever_would_stop_a_broker_wherever_a_bit_flips) {
  const Small small(true);
  for (std::uint64_t bit = 0; bit < (small.ends.back() + 40) * 8; ++bit) {
    const FakeDisk damaged = small.disk.after_kill();
    damaged.flip(first_segment, bit / 8, static_cast<unsigned>(bit % 8));
    const bool opens = Log(damaged.after_kill()).is_open();
    const JournalReport report = check(damaged);
    EXPECT_EQ(report.damage.empty(), opens) << bit << ": " << report.damage;
    EXPECT_EQ(report.damages.empty(), opens) << bit;
  }
}

TEST(RepairJournal, leaves_a_whole_one_as_it_is) {
  const Small small(true);
  const Buffer before = small.disk.contents(first_segment);
  const Repaired repaired(small.disk);
  ASSERT_TRUE(repaired.repair);
  EXPECT_THAT(repaired.repair->damages, IsEmpty());
  EXPECT_THAT(repaired.repair->moved, IsEmpty());
  EXPECT_EQ(small.disk.contents(first_segment), before);
}

TEST(RepairJournal, gives_up_what_is_behind_a_flipped_bit_says_so_and_keeps_the_rest) {
  const Small small(true);
  for (std::uint64_t bit = 0; bit < (small.ends.back() + 40) * 8; ++bit) {
    const FakeDisk damaged = small.disk.after_kill();
    damaged.flip(first_segment, bit / 8, static_cast<unsigned>(bit % 8));
    const Buffer before = damaged.contents(first_segment);
    const Repaired repaired(damaged);
    ASSERT_TRUE(repaired.repair) << bit << ": " << repaired.repair.error().message;
    const JournalRepair& repair = *repaired.repair;
    const std::vector<std::string>& kept = repaired.kept.lines;
    const std::vector<std::string>& lost = repaired.given_up.lines;
    // Five records were there; what is kept is their beginning, and what is given up is told as far as it can
    // be read: all but the damaged one.
    ASSERT_LE(kept.size(), small.lines.size());
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), small.lines.begin())) << bit;
    if (!repair.damages.empty()) {
      // Of the last one only the mark knows, which does not say what it was.
      EXPECT_EQ(repair.last_record, repair.unknown_bytes == 0 ? 5U : 4U) << bit;
      EXPECT_EQ(repair.records_kept + 1 + repair.records_given_up, 5U) << bit;
      EXPECT_TRUE(repair.unknown_bytes == 0 || kept == small.lines) << bit;
      EXPECT_TRUE(std::equal(lost.rbegin(), lost.rend(), small.lines.rbegin())) << bit;
      ASSERT_THAT(repair.moved, ElementsAre("quarantine-1-" + first_segment));
      EXPECT_EQ(damaged.contents(repair.moved[0]), before);
    }
    Log log(damaged);
    ASSERT_TRUE(log.is_open()) << bit << ": " << log.error().message;
    EXPECT_EQ(log.told().lines, kept);
  }
}

TEST(RepairJournal, goes_on_from_every_point_at_which_a_file_was_cut_off) {
  const Small small(true);
  for (Position size = 0; size < small.ends.back() + 40; ++size) {
    const FakeDisk damaged = small.disk.after_kill();
    damaged.cut(first_segment, size);
    const Repaired repaired(damaged);
    ASSERT_TRUE(repaired.repair) << size << ": " << repaired.repair.error().message;
    Log log(damaged);
    ASSERT_TRUE(log.is_open()) << size << ": " << log.error().message;
    EXPECT_EQ(log.told().lines.size(), repaired.kept.lines.size());
    log.put_durably({"more"});
    EXPECT_TRUE(Log(damaged.after_kill()).is_open()) << size;
  }
}

TEST(RepairJournal, moves_later_segments_aside_and_never_over_what_an_earlier_repair_put_there) {
  const FakeDisk disk = four_records();
  disk.flip(journal::segment_name(1), 60, 1);
  {
    const Repaired repaired(disk);
    ASSERT_TRUE(repaired.repair);
    EXPECT_THAT(repaired.given_up.lines, ElementsAre("put 3+1", "put 4+1"));
    EXPECT_THAT(repaired.kept.lines, ElementsAre("put 1+1"));
    EXPECT_THAT(repaired.repair->moved, SizeIs(3));
  }
  {
    Log log(disk);
    ASSERT_TRUE(log.is_open()) << log.error().message;
    log.put_durably({std::string(4000, 'y')});
    log.put_durably({std::string(4000, 'z')});
  }
  disk.flip(journal::segment_name(1), 60, 1);
  const Repaired again(disk);
  ASSERT_TRUE(again.repair);
  EXPECT_THAT(disk.names(), Contains("quarantine-1-" + journal::segment_name(1)));
  EXPECT_THAT(disk.names(), Contains("quarantine-2-" + journal::segment_name(1)));
  EXPECT_TRUE(Log(disk).is_open());
}

TEST(RepairJournal, reads_the_log_from_its_beginning_when_only_the_checkpoint_is_damaged) {
  const FakeDisk disk;
  Position end = 0;
  {
    Log log(disk);
    log.put_durably({"one"});
    end = log->end();
    log.checkpoint();
    log.put_durably({"two"});
  }
  disk.flip(journal::checkpoint_name(end), 70, 1);
  disk.flip(journal::checkpoint_name(end), 75, 1);
  EXPECT_FALSE(Log(disk).is_open());
  const Repaired repaired(disk);
  ASSERT_TRUE(repaired.repair) << repaired.repair.error().message;
  EXPECT_EQ(repaired.repair->end, "");
  Log log(disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_EQ(log.payload(1), "one");
  EXPECT_EQ(log.payload(2), "two");
}

TEST(RepairJournal, turns_any_one_bit_of_a_checkpoint_back) {
  const FakeDisk disk;
  Position end = 0;
  {
    Log log(disk);
    log.put_durably({"one"});
    for (int i = 0; i < 5; ++i) log.put_durably({std::string(3000, 'x')});
    for (JobId job = 2; job < 6; ++job) log.finish(job);
    log->commit(true);
    end = log->end();
    log.checkpoint();
    log.put_durably({"two"});
  }
  const std::string name = journal::checkpoint_name(end);
  const Buffer whole = disk.contents(name);
  for (std::uint64_t bit = 0; bit < whole.size() * 8; ++bit) {
    const FakeDisk damaged = disk.after_kill();
    damaged.flip(name, bit / 8, static_cast<unsigned>(bit % 8));
    const Repaired repaired(damaged);
    ASSERT_TRUE(repaired.repair) << bit << ": " << repaired.repair.error().message;
    EXPECT_EQ(damaged.contents(name), whole) << bit;
    EXPECT_THAT(repaired.kept.lines, ElementsAre("checkpoint of 2 jobs", "put 7+1")) << bit;
    EXPECT_EQ(repaired.repair->end, "") << bit;
    EXPECT_TRUE(Log(damaged).is_open()) << bit;
  }
}

TEST(RepairJournal, cut_off_by_a_power_failure_can_be_done_again) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const FakeDisk disk = four_records();
    disk.flip(journal::segment_name(1), 60, 1);
    { const Repaired repaired(disk); }
    const FakeDisk left = disk.after_power_failure(seed);
    if (!Log(left).is_open()) {
      EXPECT_TRUE(Repaired(left).repair) << seed;
    }
    Log log(left);
    ASSERT_TRUE(log.is_open()) << seed << ": " << log.error().message;
    EXPECT_THAT(log.told().lines, ElementsAre("put 1+1")) << seed;
  }
}

// Damage of each kind: payloads are gone from below the checkpoint, the mark is damaged, and the log behind
// the checkpoint, which goes on in two more segments.
FakeDisk damaged_all_over() {
  const FakeDisk disk;
  Position damaged = 0;
  {
    Log log(disk);
    for (int i = 0; i < 2; ++i) log.put_durably({std::string(3000, 'x')});
    log.checkpoint();
    log.put_durably({"kept"});
    damaged = log->end();
    log.put_durably({"damaged"});
    for (int i = 0; i < 2; ++i) log.put_durably({std::string(3000, 'y')});
  }
  EXPECT_TRUE(disk.mount()->remove(first_segment));
  disk.flip(journal::segment_name(1), damaged % 4096 + 60, 1);
  disk.flip("mark", 30, 1);
  return disk;
}

TEST(RepairJournal, cut_off_at_any_steps_ends_as_if_it_had_not_been) {
  const FakeDisk damaged = damaged_all_over();
  const FakeDisk whole = damaged.after_kill();
  const Repaired once(whole);
  ASSERT_TRUE(once.repair) << once.repair.error().message;
  ASSERT_THAT(once.repair->without_payload, ElementsAre(1U));
  ASSERT_THAT(once.repair->moved, SizeIs(4)) << "the copy, the mark and two segments";
  const std::vector<std::string> lines = Log(whole).told().lines;
  ASSERT_THAT(lines, ElementsAre("checkpoint of 2 jobs", "put 3+1", "finish 1+1"));
  int resumed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    FakeDisk disk = damaged.after_kill();
    int attempts = 0;
    for (bool open = false; !open;) {
      ASSERT_LT(++attempts, 1000) << seed;
      disk.fail_after(random() % 60);
      const Repaired attempt(disk);
      if (attempt.repair) {
        EXPECT_EQ(attempt.repair->report, once.repair->report) << seed;
        resumed += attempt.repair->resumed ? 1 : 0;
      }
      disk = random() % 2 == 0 ? disk.after_kill() : disk.after_power_failure(random());
      Log log(disk.after_kill());
      open = log.is_open();
      EXPECT_TRUE(!open || log.told().lines == lines) << seed;
    }
    for (const std::string& name : once.repair->moved)
      EXPECT_EQ(disk.contents(name), whole.contents(name)) << seed << ": " << name;
    EXPECT_EQ(check(disk).damage, "") << seed;
  }
  EXPECT_GT(resumed, 100);
}

TEST(RepairJournal, that_was_cut_off_is_known_before_the_next_one) {
  const FakeDisk disk = four_records();
  disk.flip(first_segment, 60, 1);
  disk.fail_after(8);
  EXPECT_FALSE(Repaired(disk).repair);
  const FakeDisk left = disk.after_kill();
  ASSERT_THAT(left.names(), Contains("repair"));
  EXPECT_EQ(Log(left).error().code, Code::journal_corrupt);
  EXPECT_THAT(Log(left).error().message, HasSubstr("a repair was cut off; the next one finishes it"));
  EXPECT_THAT(check(left).damage, HasSubstr("a repair was cut off"));
}

// The directories that a repair leaves when it is killed after each of its steps but the last.
std::vector<FakeDisk> cut_off_after_each_step(const FakeDisk& damaged) {
  std::vector<FakeDisk> all;
  while (true) {
    const FakeDisk disk = damaged.after_kill();
    disk.fail_after(all.size());
    if (Repaired(disk).repair) return all;
    all.push_back(disk.after_kill());
  }
}

bool has_plan(const FakeDisk& disk) { return std::ranges::count(disk.names(), "repair") > 0; }

TEST(RepairJournal, replaces_a_damaged_plan_and_gives_no_fence_again) {
  std::mt19937_64 random(1);
  int damaged_plans = 0;
  for (const FakeDisk& left : cut_off_after_each_step(damaged_all_over())) {
    if (!has_plan(left)) continue;
    for (int i = 0; i < 20; ++i) {
      const FakeDisk disk = left.after_kill();
      disk.flip("repair", random() % disk.size("repair"), random() % 8);
      const Repaired repaired(disk);
      ASSERT_TRUE(repaired.repair) << repaired.repair.error().message;
      EXPECT_FALSE(repaired.repair->resumed);
      EXPECT_THAT(repaired.repair->damages[0].what, HasSubstr("expected to finish a repair"));
      EXPECT_THAT(repaired.repair->moved, Contains(::testing::EndsWith("-repair")));
      Log log(disk);
      ASSERT_TRUE(log.is_open()) << log.error().message;
      EXPECT_EQ(log.told().epoch, 7U);
      ++damaged_plans;
    }
  }
  EXPECT_GT(damaged_plans, 200);
}

TEST(RepairJournal, that_was_cut_off_is_also_known_to_a_broker_that_knows_no_plans) {
  int refused = 0;
  for (const FakeDisk& left : cut_off_after_each_step(damaged_all_over())) {
    static_cast<void>(left.mount()->remove("repair"));
    Log log(left);
    EXPECT_TRUE(!log.is_open() || log.told().epoch == 7U);
    refused += log.is_open() ? 0 : 1;
  }
  EXPECT_GT(refused, 20);
}

void damage_checkpoint(const FakeDisk& disk) {
  const auto names = disk.names();
  const auto checkpoint = *std::ranges::find_if(names, [](auto& name) { return name.starts_with("check"); });
  disk.flip(checkpoint, 70, 1);
  disk.flip(checkpoint, 75, 1);
}

void damage_last_kept(const FakeDisk& disk) {
  const std::string name = journal::segment_name(1);
  disk.flip(name, disk.contents(name).find("kept"), 1);
}

TEST(RepairJournal, that_was_cut_off_begins_anew_if_what_it_kept_is_damaged_since) {
  int anew = 0;
  for (const FakeDisk& left : cut_off_after_each_step(damaged_all_over())) {
    if (!has_plan(left)) continue;
    for (const auto& damage : {damage_checkpoint, damage_last_kept}) {
      const FakeDisk disk = left.after_kill();
      damage(disk);
      const Repaired repaired(disk);
      ASSERT_TRUE(repaired.repair) << repaired.repair.error().message;
      EXPECT_FALSE(repaired.repair->resumed);
      EXPECT_THAT(repaired.repair->moved, Contains(::testing::EndsWith("-repair")));
      EXPECT_EQ(repaired.given_up.epoch, 7U) << "what the first repair would have said to the log is heard";
      Log log(disk);
      ASSERT_TRUE(log.is_open()) << log.error().message;
      EXPECT_EQ(log.told().epoch, 7U);
      ++anew;
    }
  }
  EXPECT_GT(anew, 20);
}

TEST(RepairJournal, on_a_full_disk_says_so_and_is_finished_when_there_is_room) {
  const FakeDisk disk = damaged_all_over();
  disk.set_capacity(disk.used_bytes());
  const Repaired refused(disk);
  ASSERT_FALSE(refused.repair);
  EXPECT_EQ(refused.repair.error().code, Code::disk_full);
  EXPECT_FALSE(Log(disk).is_open());
  disk.set_capacity(disk.used_bytes() + 8 * 4096);
  const Repaired repaired(disk);
  ASSERT_TRUE(repaired.repair) << repaired.repair.error().message;
  EXPECT_TRUE(Log(disk).is_open());
}

TEST(RepairJournal, of_a_damaged_mark_does_not_take_what_is_left_for_all_there_was) {
  const FakeDisk disk = four_records();
  disk.flip("mark", 30, 1);
  ASSERT_TRUE(disk.mount()->remove(journal::segment_name(3)));
  const Repaired repaired(disk);
  ASSERT_TRUE(repaired.repair);
  EXPECT_TRUE(repaired.repair->end_unknown);
  EXPECT_THAT(repaired.repair->end, HasSubstr(journal::segment_name(3)));
  EXPECT_EQ(Log(disk).told().epoch, 7U);
}

TEST(RepairJournal, leaves_everything_as_it_is_if_the_meta_is_of_another_directory) {
  const FakeDisk disk = four_records(), other = four_records();
  const std::vector<std::string> names = disk.names();
  disk.put("meta", other.contents("meta"));
  EXPECT_THAT(check(disk).damage, HasSubstr("meta: nothing in this directory checks with it"));
  const Repaired refused(disk);
  ASSERT_FALSE(refused.repair);
  EXPECT_THAT(refused.repair.error().message, HasSubstr("meta: nothing in this directory checks with it"));
  EXPECT_EQ(disk.names(), names);
}

TEST(RepairJournal, of_a_damaged_mark_keeps_a_copy_of_what_a_broker_that_died_may_have_written) {
  const Small small(false);
  const Buffer before = small.disk.contents(first_segment);
  small.disk.flip("mark", 30, 1);
  const Repaired repaired(small.disk);
  ASSERT_TRUE(repaired.repair);
  EXPECT_THAT(repaired.repair->moved, ElementsAre("quarantine-1-" + first_segment, "quarantine-1-mark"));
  EXPECT_EQ(small.disk.contents("quarantine-1-" + first_segment), before);
  EXPECT_GT(repaired.repair->unknown_bytes, 0U);
  EXPECT_EQ(Log(small.disk).told().lines, small.lines);
}

}  // namespace
}  // namespace joinery::broker::testing
