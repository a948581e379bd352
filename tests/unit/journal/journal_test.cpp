// The journal as its owner sees it.
#include <gmock/gmock.h>
#include <poll.h>

#include "broker/journal/posix_storage.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JournalOptions threaded() {
  JournalOptions options = small_options();
  options.segment_bytes = 65536;
  options.own_thread = true;
  return options;
}

TEST(Journal, gives_back_what_was_appended_in_order_with_its_payloads) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put({"one", "two", ""});
    log.put({"four"});
    log.finish(2);
    log->commit(true);
    EXPECT_EQ(log->durable(), log->end());
    EXPECT_EQ(log.payload(4), "four");
  }
  Log again(disk);
  ASSERT_TRUE(again.is_open()) << again.error().message;
  EXPECT_THAT(again.told().lines, ElementsAre("put 1+3", "put 4+1", "finish 2+1"));
  EXPECT_TRUE(again.told().found.clean);
  EXPECT_EQ(again.payload(1), "one");
  EXPECT_EQ(again.payload(3), "");
  EXPECT_EQ(again.payload(4), "four");
}

TEST(Journal, works_on_a_real_file_system_with_its_own_thread) {
  const joinery::testing::TempDir dir;
  std::array<char, 16> id{};
  {
    Log log(journal::open_directory(dir.path()).value(), threaded());
    ASSERT_TRUE(log.is_open()) << log.error().message;
    id = log.told().found.id;
    for (int i = 0; i < 1000; ++i) log.put({std::string(static_cast<std::size_t>(i), 'x')});
    log->commit(true);
    while (log->durable() < log->end()) {
      pollfd ready{log->descriptor(), POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, 60'000), 1);
    }
  }
  Log again(journal::open_directory(dir.path()).value(), threaded());
  ASSERT_TRUE(again.is_open()) << again.error().message;
  EXPECT_EQ(again.told().found.id, id);
  for (JobId job = 1; job <= 1000; ++job) EXPECT_EQ(again.payload(job), std::string(job - 1, 'x'));
}

TEST(Journal, refuses_a_data_directory_that_another_broker_uses) {
  const joinery::testing::TempDir dir;
  Log log(journal::open_directory(dir.path()).value(), threaded());
  Log second(journal::open_directory(dir.path()).value(), threaded());
  EXPECT_FALSE(second.is_open());
  EXPECT_EQ(second.error().code, Code::journal_locked);
  EXPECT_THAT(second.error().message, HasSubstr(dir.path()));
}

TEST(Journal, says_that_nothing_is_durable_before_it_is_synced) {
  const FakeDisk disk;
  Log log(disk);
  log.put({"one"});
  EXPECT_LT(log->durable(), log->end());
  log->commit(false);
  EXPECT_LT(log->durable(), log->end());
  log->commit(true);
  EXPECT_EQ(log->durable(), log->end());
}

TEST(Journal, syncs_many_records_at_once) {
  const FakeDisk disk;
  Log log(disk);
  const auto before = log->stats().syncs;
  for (int i = 0; i < 30; ++i) log.put({"job"});
  log->commit(true);
  EXPECT_EQ(log->stats().syncs, before + 1);
}

TEST(Journal, syncs_what_nobody_waits_for_within_the_interval) {
  JournalOptions options = threaded();
  options.interval = Duration(1000);
  Log log(FakeDisk(), options);
  log.put({"one"});
  log->commit(false);
  pollfd ready{log->descriptor(), POLLIN, 0};
  // The first notice may be of the record that began this life.
  while (log->durable() < log->end()) ASSERT_EQ(::poll(&ready, 1, 60'000), 1);
  // durable() takes note, once the thread has left the notice.
  while (::poll(&ready, 1, 0) != 0) EXPECT_EQ(log->durable(), log->end());
}

// A notice that came while the one before it was taken was lost once, and the next ones with it.
TEST(Journal, tells_of_every_group_that_becomes_durable_however_the_threads_meet) {
  Log log(FakeDisk(), threaded());
  pollfd ready{log->descriptor(), POLLIN, 0};
  for (int round = 0; round < 20'000; ++round) {
    for (int group = 0; group < 3; ++group) {
      log.put({""});
      log->commit(true);
      log->durable();
    }
    while (log->durable() < log->end()) ASSERT_EQ(::poll(&ready, 1, 60'000), 1) << round;
  }
}

TEST(Journal, reads_what_is_in_memory_and_what_is_not_alike) {
  const FakeDisk disk;
  JournalOptions options = small_options();
  options.segment_bytes = std::uint64_t{8} << 20U;
  options.record_bytes_max = std::uint64_t{4} << 20U;
  Log log(disk, options);
  log.put_durably({std::string(700'000, 'a'), "small", std::string(300'000, 'b')});
  log.put_durably({std::string(2'000'000, 'c')});
  log.put_durably({"end"});
  EXPECT_EQ(log.payload(1), std::string(700'000, 'a'));
  EXPECT_EQ(log.payload(2), "small");
  EXPECT_EQ(log.payload(3), std::string(300'000, 'b'));
  EXPECT_EQ(log.payload(4), std::string(2'000'000, 'c'));
  EXPECT_EQ(log.payload(5), "end");
}

TEST(Journal, says_missing_payload_for_a_place_that_is_not_in_it) {
  Log log{FakeDisk()};
  log.put_durably({"one"});
  Buffer out = "before";
  const auto done = log->read({log->end(), 10}, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::missing_payload);
  EXPECT_EQ(out, "before");
}

TEST(Journal, reports_a_failed_sync_once_and_nothing_is_durable_after_it) {
  const FakeDisk disk;
  Log log(disk);
  log.put_durably({"one"});
  const Position before = log->durable();
  disk.fail_syncs(true);
  log.put_durably({"two"});
  EXPECT_EQ(log.fatal().code, Code::io_error);
  // Even if the next one would succeed.
  disk.fail_syncs(false);
  const auto syncs = disk.syncs();
  log.put_durably({"three"});
  EXPECT_EQ(log->durable(), before);
  EXPECT_EQ(disk.syncs(), syncs);
}

TEST(Journal, reports_failed_writes_and_names_that_cannot_be_made_to_stay) {
  {
    const FakeDisk disk;
    Log log(disk);
    const Position before = log->durable();
    disk.fail_writes(true);
    log.put_durably({"one"});
    EXPECT_EQ(log.fatal().code, Code::io_error);
    EXPECT_EQ(log->durable(), before);
  }
  const FakeDisk disk;
  Log log(disk);
  const Position before = log->durable();
  disk.fail_directory_syncs(true);
  log.put_durably({std::string(4000, 'x')});  // needs a segment of its own
  EXPECT_EQ(log.fatal().code, Code::io_error);
  EXPECT_EQ(log->durable(), before);
}

TEST(Journal, is_not_opened_when_the_first_record_of_its_life_cannot_be_made_durable) {
  const FakeDisk disk;
  { Log log(disk); }
  disk.fail_syncs(true);
  Log log(disk);
  EXPECT_FALSE(log.is_open());
  EXPECT_EQ(log.error().code, Code::io_error);
}

TEST(Journal, stops_with_disk_full_when_even_the_reserve_is_gone) {
  const FakeDisk disk;
  Log log(disk);
  disk.set_capacity(disk.used_bytes());
  for (int i = 0; i < 20; ++i) log.put_durably({std::string(1000, 'x')});
  EXPECT_EQ(log.fatal().code, Code::disk_full);
}

}  // namespace
}  // namespace joinery::broker::testing
