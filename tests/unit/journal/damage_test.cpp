// Files that are cut off or gone, of every kind, after a stop in order and after a crash: nothing is ever
// silently less.
#include <gmock/gmock.h>

#include <algorithm>

#include "broker/journal/format.h"
#include "broker/journal/mark.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint64_t segment_size = 4096;

// Jobs of 1000 bytes in four segments: 1 to 4 below the checkpoint, of which 2 has ended, and 5 to 12 behind.
FakeDisk filled(bool clean) {
  const FakeDisk disk;
  FakeDisk left;
  {
    Log log(disk);
    for (char letter = 'a'; letter < 'e'; ++letter) log.put_durably({std::string(1000, letter)});
    log.finish(2);
    log.checkpoint();
    for (char letter = 'e'; letter < 'm'; ++letter) log.put_durably({std::string(1000, letter)});
    log->commit(true);
    if (!clean) left = disk.after_kill();
  }
  return clean ? disk.after_kill() : left;
}

std::map<JobId, std::string> payloads(Log& log) {
  std::map<JobId, std::string> all;
  for (const auto& [job, place] : log.places()) all[job] = log.payload(job);
  return all;
}

class Damage : public ::testing::TestWithParam<bool> {
 protected:
  const FakeDisk whole = filled(GetParam());
  const std::map<JobId, std::string> all = [this] {
    Log log(whole.after_kill());
    return payloads(log);
  }();

  // Either nothing is missing, or the broker does not start, the check names a place, and the repair leaves
  // what a broker starts with.
  void expect_noticed(const FakeDisk& damaged, const std::string& what) {
    const JournalReport report = check(damaged);
    {
      Log log(damaged.after_kill());
      if (log.is_open()) {
        EXPECT_EQ(payloads(log), all) << what;
        EXPECT_THAT(report.damages, IsEmpty()) << what;
        EXPECT_THAT(report.lost_payloads, IsEmpty()) << what;
        return;
      }
      EXPECT_EQ(log.error().code, Code::journal_corrupt) << what << ": " << log.error().message;
      EXPECT_THAT(log.error().message, HasSubstr(" at offset ")) << what;
    }
    EXPECT_NE(report.damage, "") << what;
    expect_repaired(damaged, what);
  }

  void expect_repaired(const FakeDisk& damaged, const std::string& what) {
    const Repaired repaired(damaged);
    ASSERT_TRUE(repaired.repair) << what << ": " << repaired.repair.error().message;
    EXPECT_THAT(repaired.repair->damages, Not(IsEmpty())) << what;
    Log log(damaged);
    ASSERT_TRUE(log.is_open()) << what << ": " << log.error().message;
    for (const JobId lost : repaired.repair->without_payload)
      EXPECT_FALSE(log.places().contains(lost)) << what;
    for (const auto& [job, payload] : payloads(log)) EXPECT_EQ(payload, all.at(job)) << what;
    log.put_durably({"more"});
    {
      Log again(damaged.after_kill());
      EXPECT_TRUE(again.is_open()) << what << ": " << again.error().message;
    }
    const JournalReport report = check(damaged.after_kill());
    EXPECT_THAT(report.damages, IsEmpty()) << what;
    EXPECT_THAT(report.lost_payloads, IsEmpty()) << what;
  }
};

TEST_P(Damage, of_any_file_that_was_cut_off_is_never_silent) {
  ASSERT_THAT(whole.names(), Contains(journal::segment_name(3)));
  for (const std::string& name : whole.names()) {
    if (name == "meta" || name.starts_with("checkpoint")) continue;
    const std::uint64_t size = whole.size(name);
    for (std::uint64_t left = 0; left < size; left += left < 64 ? 1 : 37) {
      const FakeDisk damaged = whole.after_kill();
      damaged.cut(name, left);
      expect_noticed(damaged, name + " cut off at " + std::to_string(left));
    }
  }
}

TEST_P(Damage, of_any_file_that_is_gone_is_never_silent) {
  for (const std::string& name : whole.names()) {
    if (name == "meta" || name.starts_with("checkpoint")) continue;
    const FakeDisk damaged = whole.after_kill();
    ASSERT_TRUE(damaged.mount()->remove(name));
    expect_noticed(damaged, name + " gone");
  }
}

TEST_P(Damage, of_meta_is_never_silent) {
  for (std::uint64_t left = 0; left < whole.size("meta"); ++left) {
    const FakeDisk damaged = whole.after_kill();
    damaged.cut("meta", left);
    EXPECT_EQ(Log(damaged).error().code, Code::journal_corrupt) << left;
  }
  const FakeDisk damaged = whole.after_kill();
  for (const std::string& name : whole.names()) {
    if (name == "mark") continue;
    ASSERT_TRUE(damaged.mount()->remove(name));
  }
  EXPECT_THAT(Log(damaged).error().message, HasSubstr("meta: the file is missing"));
}

TEST_P(Damage, of_a_checkpoint_is_never_silent) {
  const auto names = whole.names();
  const std::string name =
      *std::ranges::find_if(names, [](const auto& one) { return one.starts_with("checkpoint"); });
  for (std::uint64_t left = 0; left < whole.size(name); ++left) {
    const FakeDisk damaged = whole.after_kill();
    damaged.cut(name, left);
    EXPECT_EQ(Log(damaged.after_kill()).error().code, Code::journal_corrupt) << left;
    expect_repaired(damaged, name + " cut off at " + std::to_string(left));
  }
}

TEST_P(Damage, of_a_segment_below_the_checkpoint_costs_exactly_the_jobs_that_lay_there) {
  const FakeDisk damaged = whole.after_kill();
  ASSERT_TRUE(damaged.mount()->remove(journal::segment_name(0)));
  Log log(damaged.after_kill());
  EXPECT_EQ(log.error().code, Code::journal_corrupt);
  EXPECT_THAT(log.error().message, AllOf(HasSubstr(journal::segment_name(0) + " at offset "),
                                         HasSubstr("expected the payloads of 2 jobs, found no such file")));
  const JournalReport report = check(damaged);
  EXPECT_THAT(report.damages, IsEmpty());
  ASSERT_THAT(report.lost_payloads, SizeIs(1));
  const Repaired repaired(damaged);
  ASSERT_TRUE(repaired.repair);
  EXPECT_THAT(repaired.repair->without_payload, ElementsAre(1U, 3U));
  EXPECT_EQ(repaired.repair->end, "");
  EXPECT_EQ(check(damaged).damage, "");
  EXPECT_THAT(Log(damaged).told().lines, AllOf(Contains("finish 1+1"), Contains("finish 3+1")));
}

TEST_P(Damage, of_the_segment_in_which_the_checkpoint_ends_keeps_what_the_checkpoint_knows) {
  const FakeDisk damaged = whole.after_kill();
  ASSERT_TRUE(damaged.mount()->remove(journal::segment_name(1)));
  const Repaired repaired(damaged);
  ASSERT_TRUE(repaired.repair) << repaired.repair.error().message;
  EXPECT_THAT(repaired.kept.lines, ElementsAre("checkpoint of 3 jobs"));
  EXPECT_THAT(repaired.repair->without_payload, ElementsAre(4U));
  EXPECT_THAT(repaired.repair->end, HasSubstr(journal::segment_name(1) + " at offset "));
}

INSTANTIATE_TEST_SUITE_P(After, Damage, ::testing::Values(true, false),
                         [](const auto& one) { return one.param ? "a_stop_in_order" : "a_crash"; });

TEST(Mark, of_a_log_that_was_closed_is_its_end) {
  const Small small(true);
  const journal::Format format(*journal::decode_meta(small.disk.contents("meta")));
  const auto mark = journal::read_mark(*small.disk.mount(), format, true);
  ASSERT_TRUE(mark) << mark.error().message;
  EXPECT_EQ(*mark, small.ends.back() + journal::record_header_size);
}

TEST(Mark, that_does_not_check_is_moved_aside_by_a_repair_and_costs_nothing) {
  const Small small(true);
  small.disk.flip("mark", 30, 1);
  EXPECT_THAT(Log(small.disk).error().message, HasSubstr("mark at offset 0: the checksum is wrong"));
  EXPECT_THAT(check(small.disk).damage, HasSubstr("mark at offset 0"));
  const Repaired repaired(small.disk);
  ASSERT_TRUE(repaired.repair);
  EXPECT_THAT(repaired.repair->moved, ElementsAre("quarantine-1-mark"));
  EXPECT_EQ(repaired.kept.lines, small.lines);
  EXPECT_EQ(Log(small.disk).told().lines, small.lines);
}

TEST(Mark, is_not_expected_of_an_older_broker_whose_segments_become_whole_before_the_first) {
  const Small small(true);
  ASSERT_TRUE(small.disk.mount()->remove("mark"));
  small.disk.cut(journal::segment_name(0), small.ends.back() + journal::record_header_size);
  {
    Log log(small.disk);
    ASSERT_TRUE(log.is_open()) << log.error().message;
    EXPECT_EQ(log.told().lines, small.lines);
    EXPECT_TRUE(log.told().found.clean);
  }
  EXPECT_EQ(small.disk.size(journal::segment_name(0)), segment_size);
  EXPECT_THAT(small.disk.names(), Contains("mark"));
  EXPECT_EQ(Log(small.disk).told().lines, small.lines);
}

TEST(Mark, does_not_stop_a_broker_that_was_killed_while_it_made_a_spare) {
  const Small small(false);
  const auto names = small.disk.names();
  const auto spare = std::ranges::find_if(names, [](const auto& name) { return name.starts_with("spare"); });
  ASSERT_NE(spare, names.end());
  small.disk.cut(*spare, 0);
  Log log(small.disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  for (int i = 0; i < 8; ++i) log.put_durably({std::string(2000, 'x')});
  Log again(small.disk.after_kill());
  EXPECT_TRUE(again.is_open()) << again.error().message;
}

}  // namespace
}  // namespace joinery::broker::testing
