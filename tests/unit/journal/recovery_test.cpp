// What is found after a crash, and after damage.
#include <gmock/gmock.h>

#include <algorithm>

#include "broker/journal/format.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string first_segment = journal::segment_name(0);

// Whether `some` is a beginning of `all`.
bool begins(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return some.size() <= all.size() && std::equal(some.begin(), some.end(), all.begin());
}

TEST(Recovery, cuts_a_torn_tail_at_every_byte_and_keeps_exactly_the_whole_records) {
  // Nothing was known to be durable when these were written: one group.
  const FakeDisk written;
  std::vector<Position> ends;
  FakeDisk disk;
  {
    Log log(written);
    for (const std::string payload : {"first", "second one", ""}) {
      log.put({payload});
      ends.push_back(log->end());
    }
    log->commit(true);
    disk = written.after_kill();
  }
  const Buffer whole = disk.contents(first_segment);
  // The record that begins this life is known to have been synced.
  for (std::size_t size = journal::record_header_size; size <= ends.back(); ++size) {
    const FakeDisk torn = disk.after_kill();
    Buffer bytes = whole;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end(), '\0');
    torn.put(first_segment, bytes);
    Log log(torn);
    ASSERT_TRUE(log.is_open()) << size << ": " << log.error().message;
    // Zeros at the end of a record may be its own.
    const auto kept = static_cast<std::size_t>(std::ranges::count_if(
        ends, [&](Position end) { return bytes.substr(0, end) == whole.substr(0, end); }));
    EXPECT_EQ(log.told().lines.size(), kept) << size;
    EXPECT_FALSE(log.told().found.clean);
    // And it goes on from there.
    log.put_durably({"more"});
    EXPECT_EQ(log.payload(log.places().rbegin()->first), "more");
    Log again(torn.after_kill());
    EXPECT_EQ(again.told().lines.size(), kept + 1) << size;
  }
}

TEST(Recovery, of_a_file_without_a_mark_reads_one_cut_short_as_if_zeros_followed_now_and_later) {
  const Small small(false);
  ASSERT_TRUE(small.disk.mount()->remove("mark"));
  const Buffer whole = small.disk.contents(first_segment);
  for (Position size = 0; size < small.ends[2]; ++size) {
    const FakeDisk torn = small.disk.after_kill(), filled = small.disk.after_kill();
    torn.cut(first_segment, size);
    filled.put(first_segment, whole.substr(0, size) + Buffer(whole.size() - size, '\0'));
    const auto lines = [](const FakeDisk& disk) {
      Log log(disk);
      return log.is_open() ? log.told().lines : std::vector{"refused: " + log.error().message};
    };
    const auto first = lines(torn);
    EXPECT_EQ(first, lines(filled)) << size;
    EXPECT_EQ(first, lines(torn)) << size;
  }
}

TEST(Recovery, reports_every_flipped_bit_that_costs_a_record_of_a_journal_that_was_closed) {
  const Small small(true);
  for (const std::string& name : small.disk.names()) {
    const std::uint64_t size = std::min<std::uint64_t>(small.disk.size(name), small.ends.back() + 100);
    for (std::uint64_t bit = 0; bit < size * 8; ++bit) {
      const FakeDisk damaged = small.disk.after_kill();
      damaged.flip(name, bit / 8, static_cast<unsigned>(bit % 8));
      Log log(damaged);
      if (log.is_open()) {
        EXPECT_EQ(log.told().lines, small.lines) << name << " bit " << bit;
        EXPECT_EQ(log.payload(2), "bcd");
      } else {
        EXPECT_TRUE(log.error().code == Code::journal_corrupt || log.error().code == Code::unsupported_format)
            << name << " bit " << bit << ": " << log.error().message;
        EXPECT_THAT(log.error().message, HasSubstr(name));
      }
    }
  }
}

TEST(Recovery, loses_at_most_the_last_group_to_a_flipped_bit_after_a_crash_and_says_so) {
  const Small small(false);
  for (std::uint64_t bit = 0; bit < small.ends.back() * 8; ++bit) {
    const FakeDisk damaged = small.disk.after_kill();
    damaged.flip(first_segment, bit / 8, static_cast<unsigned>(bit % 8));
    Log log(damaged);
    if (!log.is_open()) {
      EXPECT_EQ(log.error().code, Code::journal_corrupt);
      continue;
    }
    EXPECT_TRUE(begins(small.lines, log.told().lines)) << bit;
    EXPECT_GE(log.told().lines.size() + 1, small.lines.size()) << bit;
    EXPECT_FALSE(log.told().found.clean);
  }
}

TEST(Recovery, names_segment_and_offset_of_damage) {
  const Small small(true);
  small.disk.flip(first_segment, small.ends[0] + 45, 3);
  Log log(small.disk);
  EXPECT_EQ(log.error().code, Code::journal_corrupt);
  EXPECT_THAT(log.error().message,
              HasSubstr("segment-0000000000000000 at offset " + std::to_string(small.ends[0])));
}

TEST(Recovery, changes_nothing_when_it_finds_damage) {
  const Small small(true);
  small.disk.flip(first_segment, small.ends[0] + 45, 3);
  const Buffer before = small.disk.contents(first_segment);
  { Log log(small.disk); }
  EXPECT_EQ(small.disk.contents(first_segment), before);
  small.disk.flip(first_segment, small.ends[0] + 45, 3);
  EXPECT_EQ(Log(small.disk).told().lines, small.lines);
}

TEST(Recovery, misses_a_segment_that_is_gone) {
  const FakeDisk disk;
  {
    Log log(disk);
    for (int i = 0; i < 20; ++i) log.put_durably({std::string(1000, 'x')});
  }
  ASSERT_TRUE(disk.mount()->remove(journal::segment_name(2)));
  Log log(disk);
  EXPECT_EQ(log.error().code, Code::journal_corrupt);
  EXPECT_THAT(log.error().message, HasSubstr("segment-0000000000000002 at offset 0"));
}

TEST(Recovery, never_joins_a_record_of_an_earlier_life_to_the_log) {
  // Two records in one group; the first is torn, the second is whole behind it.
  const FakeDisk written;
  FakeDisk disk;
  {
    Log log(written);
    log.put({"first" + std::string(journal::record_header_size, '.')});
    log.put({"second"});
    log->commit(true);
    disk = written.after_kill();
  }
  const Buffer whole = disk.contents(first_segment);
  disk.flip(first_segment, 90, 0);
  {
    Log log(disk);
    ASSERT_TRUE(log.is_open());
    EXPECT_TRUE(log.told().lines.empty());
    // With the record that begins a life as long as the torn one, so that the old second record would follow.
    log.put_durably({"FIRST"});
    disk = disk.after_kill();
  }
  EXPECT_EQ(disk.contents(first_segment).substr(144, 64), whole.substr(144, 64));
  Log log(disk);
  ASSERT_TRUE(log.is_open());
  EXPECT_THAT(log.told().lines, ElementsAre("put 1+1"));
  EXPECT_EQ(log.payload(1), "FIRST");
}

TEST(Recovery, refuses_a_newer_format) {
  const FakeDisk disk;
  { Log log(disk); }
  Buffer meta = disk.contents("meta");
  meta[16] = 2;
  const std::uint32_t crc = journal::crc32c(Bytes(meta).substr(0, 52));
  std::copy_n(reinterpret_cast<const char*>(&crc), 4, meta.begin() + 52);
  disk.put("meta", meta);
  Log log(disk);
  EXPECT_EQ(log.error().code, Code::unsupported_format);
  EXPECT_THAT(log.error().message, HasSubstr("version 2"));
}

TEST(Recovery, refuses_records_larger_than_the_segments_that_are_there) {
  const FakeDisk disk;
  { Log log(disk); }
  JournalOptions options = small_options();
  options.record_bytes_max = 8192;
  Log log(disk, options);
  EXPECT_EQ(log.error().code, Code::invalid_argument);
  EXPECT_EQ(log.error().field, "journal.segment_bytes");
}

TEST(Recovery, a_payload_that_was_damaged_later_costs_its_record_and_no_other) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put_durably({"one", "two"});
    log.put_durably({"three"});
    log.checkpoint();
    EXPECT_EQ(log->stats().checkpoints, 1U);
  }
  // Below the checkpoint, so nothing reads it at the start.
  disk.flip(first_segment, 92, 1);
  Log log(disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_EQ(log.payload(1), "missing_payload");
  EXPECT_EQ(log.payload(2), "missing_payload");
  EXPECT_EQ(log.payload(3), "three");
}

}  // namespace
}  // namespace joinery::broker::testing
