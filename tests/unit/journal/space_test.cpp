// Checkpoints, and how space comes back.
#include <gmock/gmock.h>
#include <poll.h>

#include "broker/journal/checkpoint.h"
#include "broker/journal/format.h"
#include "broker/journal/posix_storage.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kilobyte(1000, 'k');

std::size_t segments_on(const FakeDisk& disk) {
  return static_cast<std::size_t>(
      std::ranges::count_if(disk.names(), [](const auto& name) { return name.starts_with("segment-"); }));
}

TEST(Checkpoint, stands_for_the_log_before_it) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put({"one", "two"});
    log.finish(1);
    log.checkpoint();
    log.put({"three"});
    log->commit(true);
  }
  Log log(disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_THAT(log.told().lines, ElementsAre("checkpoint of 1 jobs", "put 3+1"));
  EXPECT_EQ(log.payload(2), "two");
  EXPECT_EQ(log.payload(3), "three");
}

TEST(Checkpoint, is_wanted_when_the_log_has_grown_enough) {
  Log log{FakeDisk()};
  EXPECT_FALSE(log->wants_checkpoint());
  while (log->end() < small_options().checkpoint_bytes) log.put_durably({kilobyte});
  EXPECT_TRUE(log->wants_checkpoint());
  log.checkpoint();
  EXPECT_FALSE(log->wants_checkpoint());
}

// Jobs that come and go, through so many segments, with a checkpoint whenever one is wanted.
void pass_through(Log& log, std::uint64_t segments) {
  const Position end = log->end() + segments * small_options().segment_bytes;
  while (log->end() < end) {
    log.finish(log.put_durably({kilobyte}));
    log->commit(true);
    if (log->wants_checkpoint()) log.checkpoint();
  }
}

TEST(Checkpoint, is_wanted_once_for_each_segment_of_jobs_that_come_and_go) {
  JournalOptions options = small_options();
  options.checkpoint_bytes = 2 * options.segment_bytes;
  Log log(FakeDisk(), options);
  pass_through(log, 20);
  EXPECT_GE(log->stats().checkpoints, 18U);
  EXPECT_LE(log->stats().checkpoints, 21U);
}

TEST(Checkpoint, is_wanted_again_when_most_of_its_jobs_have_ended) {
  Log log{FakeDisk()};
  for (int i = 0; i < 10; ++i) log.put_durably(std::vector<std::string>(100, "x"));
  constexpr std::size_t state_bytes = 100'000;
  log->checkpoint([](const std::function<void(Bytes)>& write) { write(std::string(state_bytes, 's')); });
  log->commit(false);
  EXPECT_FALSE(log->wants_checkpoint());
  while (!log.places().empty()) log.finish(log.places().begin()->first);
  log->commit(true);
  ASSERT_LT(log->end(), state_bytes) << "else the log has grown enough by itself";
  EXPECT_TRUE(log->wants_checkpoint());
  log.checkpoint();
  EXPECT_FALSE(log->wants_checkpoint());
}

TEST(Checkpoint, that_was_not_finished_is_not_there) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put_durably({"one"});
  }
  disk.put(journal::unfinished_checkpoint, "half of it");
  Log log(disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_THAT(log.told().lines, ElementsAre("put 1+1"));
  EXPECT_THAT(disk.names(), Not(Contains(journal::unfinished_checkpoint)));
}

TEST(Checkpoint, with_a_flipped_bit_is_reported_wherever_it_is) {
  const FakeDisk disk;
  {
    Log log(disk);
    log.put_durably({"one"});
    log.checkpoint();
  }
  const auto names = disk.names();
  const auto name = *std::ranges::find_if(names, [](const auto& n) { return n.starts_with("checkpoint-"); });
  for (std::uint64_t bit = 0; bit < disk.size(name) * 8; ++bit) {
    const FakeDisk damaged = disk.after_kill();
    damaged.flip(name, bit / 8, static_cast<unsigned>(bit % 8));
    Log log(damaged);
    ASSERT_FALSE(log.is_open()) << bit;
    EXPECT_EQ(log.error().code, Code::journal_corrupt);
    EXPECT_THAT(log.error().message, ::testing::HasSubstr(name));
  }
}

TEST(Checkpoint, that_finds_no_room_is_given_up_and_the_log_goes_on) {
  const FakeDisk disk;
  Log log(disk);
  log.put_durably({"one"});
  disk.set_capacity(disk.used_bytes());
  log.checkpoint();
  EXPECT_EQ(log->stats().checkpoints, 0U);
  EXPECT_EQ(log.put_durably({"two"}), 2U);
  EXPECT_EQ(log->durable(), log->end());
  EXPECT_EQ(log.fatal().code, Code::ok);
}

TEST(Spare, is_a_segment_that_was_written_once_there_is_one) {
  const FakeDisk disk;
  JournalOptions options = small_options();
  options.checkpoint_bytes = 2 * options.segment_bytes;
  Log log(disk, options);
  pass_through(log, 5);
  const auto names = disk.names();
  std::size_t spares = 0;
  for (const auto& name : names) {
    if (!name.starts_with("spare-")) continue;
    ++spares;
    EXPECT_THAT(disk.contents(name), ::testing::HasSubstr(kilobyte)) << "it was only allocated";
  }
  EXPECT_EQ(spares, 1U);
  EXPECT_LE(segments_on(disk), 2U);
}

TEST(Checkpoint, of_a_large_state_is_written_by_a_child) {
  const joinery::testing::TempDir dir;
  JournalOptions options = small_options();
  options.segment_bytes = 65536;
  options.own_thread = true;
  options.fork_bytes = 0;
  {
    Log log(journal::open_directory(dir.path()).value(), options);
    ASSERT_TRUE(log.is_open()) << log.error().message;
    log.put_durably({"one", "two"});
    log.checkpoint();
    log.put_durably({"three"});  // the engine goes on
    while (log->stats().checkpoints == 0) {
      pollfd ready{log->descriptor(), POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, 60'000), 1);
      log->durable();
      log->commit(false);
    }
  }
  Log log(journal::open_directory(dir.path()).value(), options);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_THAT(log.told().lines, ElementsAre("checkpoint of 2 jobs", "put 3+1"));
  EXPECT_EQ(log.payload(1), "one");
}

// The child's memory is its own, so here nobody forks.
TEST(Checkpoint, of_a_child_is_on_disk_before_it_has_its_name) {
  const journal::Format format{journal::Meta{}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const FakeDisk disk;
    const auto directory = disk.mount();
    const auto save = [](const std::function<void(Bytes)>& write) { write(kilobyte); };
    ASSERT_TRUE(journal::write_checkpoint(*directory, format, {}, save));
    ASSERT_TRUE(directory->rename(journal::unfinished_checkpoint, "named"));
    ASSERT_TRUE(directory->sync());
    const Buffer left = disk.after_power_failure(seed).contents("named");
    const auto read = journal::decode_checkpoint(format, "named", left);
    ASSERT_TRUE(read) << seed << ": " << read.error().message;
    EXPECT_EQ(read->state, kilobyte);
  }
}

TEST(Space, of_finished_jobs_comes_back_with_a_checkpoint) {
  const FakeDisk disk;
  Log log(disk);
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) log.put_durably({kilobyte});
    while (!log.places().empty()) log.finish(log.places().begin()->first);
    log->commit(true);
    if (log->wants_checkpoint()) log.checkpoint();
  }
  EXPECT_EQ(log->stats().live_bytes, 0U);
  EXPECT_GT(log->stats().checkpoints, 10U);
  EXPECT_LT(disk.used_bytes(), 12 * small_options().segment_bytes);
}

TEST(Space, is_not_given_back_while_the_release_might_not_survive) {
  const FakeDisk disk;
  Log log(disk);
  for (int i = 0; i < 10; ++i) log.put_durably({kilobyte});
  const std::size_t before = segments_on(disk);
  log.checkpoint();
  for (JobId job = 1; job <= 10; ++job) log.finish(job);  // behind the checkpoint
  log->commit(false);
  EXPECT_EQ(segments_on(disk), before);
  log.checkpoint();
  EXPECT_EQ(segments_on(disk), 1U);
}

// With jobs, then a checkpoint behind them.
void fill_ten_files(Log& log) {
  while (log->end() < 10 * small_options().segment_bytes) log.put_durably({kilobyte});
  log.checkpoint();
}

// No checkpoint is written after the first.
TEST(Space, of_a_backlog_that_is_worked_off_comes_back_file_by_file_without_a_checkpoint) {
  const FakeDisk disk;
  Log log(disk);
  fill_ten_files(log);
  ASSERT_EQ(log->stats().checkpoints, 1U);
  while (log.places().size() > 3) {
    log.finish(log.places().begin()->first);
    log->commit(true);
    log->commit(false);
    EXPECT_LE(segments_on(disk), log.places().size() / 3 + 3) << log.places().size() << " are left";
  }
  EXPECT_EQ(log->stats().checkpoints, 1U);

  Log again(disk.after_kill());
  ASSERT_TRUE(again.is_open()) << again.error().message;
  EXPECT_EQ(again.places(), log.places());
  for (const auto& [job, place] : again.places()) EXPECT_EQ(again.payload(job), kilobyte);
}

// Else a repair that cuts the log before the move would have no payload for it.
TEST(Space, that_jobs_were_moved_from_waits_for_a_checkpoint) {
  const FakeDisk disk;
  Log log(disk);
  fill_ten_files(log);
  const JobId last = log.places().rbegin()->first;
  for (JobId job = 2; job <= last; ++job) log.finish(job);
  log->commit(true);
  log->commit(false);
  const Place before = log.places().at(1);
  for (const auto& candidate : log->to_move(10)) log.move(candidate);
  log->commit(true);
  log->commit(false);
  ASSERT_NE(log.places().at(1).position, before.position) << "nothing was moved";
  EXPECT_THAT(disk.names(), Contains(journal::segment_name(0)));
  log.checkpoint();
  EXPECT_THAT(disk.names(), Not(Contains(journal::segment_name(0))));
  EXPECT_EQ(log.payload(1), kilobyte);
}

TEST(Space, that_jobs_were_moved_from_in_an_earlier_life_waits_for_a_checkpoint_too) {
  const FakeDisk disk;
  {
    Log log(disk);
    fill_ten_files(log);
    const JobId last = log.places().rbegin()->first;
    for (JobId job = 3; job <= last; ++job) log.finish(job);
    log->commit(true);
    log->commit(false);
    const auto candidates = log->to_move(1);
    ASSERT_EQ(candidates.size(), 1U);
    log.move(candidates.front());
    log->commit(true);
  }
  Log log(disk.after_kill());
  ASSERT_TRUE(log.is_open()) << log.error().message;
  const auto left = std::ranges::find_if(
      log.places(), [](const auto& job) { return job.second.position < small_options().segment_bytes; });
  ASSERT_NE(left, log.places().end());
  log.finish(left->first);
  log->commit(true);
  log->commit(false);
  EXPECT_THAT(disk.names(), Contains(journal::segment_name(0)));
}

// They are retained one by one: until then each file looks empty.
TEST(Space, of_an_earlier_life_is_not_given_back_before_its_jobs_are_counted) {
  const FakeDisk disk;
  {
    Log log(disk);
    fill_ten_files(log);
  }
  Log log(disk);
  ASSERT_TRUE(log.is_open()) << log.error().message;
  EXPECT_GE(segments_on(disk), 10U);
  for (const auto& [job, place] : log.places()) ASSERT_EQ(log.payload(job), kilobyte) << job;
}

TEST(Space, used_again_never_shows_its_old_records) {
  const FakeDisk disk;
  {
    Log log(disk);
    // The same lengths again and again: old records lie where new ones could be.
    for (int round = 0; round < 8; ++round) {
      for (int i = 0; i < 12; ++i) log.finish(log.put_durably({kilobyte}));
      log->commit(true);
      log.checkpoint();
    }
    log.put_durably({"last"});
    // A dead process, in a segment full of old records.
    const FakeDisk left = disk.after_kill();
    Log again(left);
    ASSERT_TRUE(again.is_open()) << again.error().message;
    EXPECT_THAT(again.told().lines, ElementsAre("checkpoint of 0 jobs", "put 97+1"));
    EXPECT_EQ(again.payload(again.places().begin()->first), "last");
  }
}

TEST(Space, of_a_segment_that_was_left_a_moment_ago_is_waited_for_while_others_come) {
  Log log{FakeDisk()};
  for (int i = 0; i < 8; ++i) log.finish(log.put_durably({kilobyte}));
  log.put_durably({kilobyte});               // the last of its segment
  log.put_durably({std::string(900, 'k')});  // in the next one
  EXPECT_THAT(log->to_move(10, true), IsEmpty());
  log.put_durably({std::string(100, 'k')});
  EXPECT_THAT(log->to_move(10, true), Not(IsEmpty())) << "the log has gone on";
}

TEST(Space, held_by_a_few_old_jobs_comes_back_by_moving_them) {
  const FakeDisk disk;
  Log log(disk);
  for (int i = 0; i < 90; ++i) log.put_durably({kilobyte});
  // One job of each segment stays.
  for (JobId job = 1; job <= 90; ++job) {
    if (job % 6 != 0) log.finish(job);
  }
  log->commit(true);
  EXPECT_GT(segments_on(disk), 20U);
  for (int turn = 0; turn < 200; ++turn) {
    for (const auto& candidate : log->to_move(3)) log.move(candidate);
    log->commit(true);
    if (log->wants_checkpoint()) log.checkpoint();
  }
  EXPECT_EQ(log.places().size(), 15U);
  EXPECT_LE(disk.used_bytes(), 2 * log->stats().live_bytes + 5 * small_options().segment_bytes);
  EXPECT_THAT(log->to_move(10), IsEmpty());
  for (const auto& [job, place] : log.places()) EXPECT_EQ(log.payload(job), kilobyte);

  Log again(disk.after_kill());
  ASSERT_TRUE(again.is_open()) << again.error().message;
  EXPECT_EQ(again.places().size(), 15U);
  for (const auto& [job, place] : again.places()) EXPECT_EQ(again.payload(job), kilobyte);
}

TEST(FullDisk, refuses_new_jobs_in_time_for_all_finishes_and_a_checkpoint) {
  const FakeDisk disk;
  disk.set_capacity(40 * 4096);
  Log log(disk);
  std::uint64_t unfinished = 0;
  while (log->has_room(kilobyte.size(), unfinished)) {
    log.put_durably({kilobyte});
    ++unfinished;
    ASSERT_LT(unfinished, 1000U);
  }
  EXPECT_GT(unfinished, 50U);
  while (!log.places().empty()) {
    log.finish(log.places().begin()->first);
    log->commit(true);
  }
  EXPECT_EQ(log.fatal().code, Code::ok) << log.fatal().message;
  EXPECT_EQ(log->durable(), log->end());
  EXPECT_TRUE(log->wants_checkpoint());
  log.checkpoint();
  EXPECT_EQ(log->stats().checkpoints, 1U);
  EXPECT_TRUE(log->has_room(kilobyte.size(), 0));
}

// Room for two files of the log, and not for a third. Nothing is put that would bring the log into the next
// file: it has to go there by itself, again and again, though one job stays all the time.
TEST(FullDisk, gives_back_the_space_of_the_file_that_is_written_to_while_a_job_stays) {
  const FakeDisk disk;
  Log log(disk);
  disk.set_capacity(disk.used_bytes() + 900);
  const JobId stays = log.put_durably({"stays"});
  for (int round = 0; round < 20; ++round) {
    std::uint64_t unfinished = 1;
    for (; log->has_room(kilobyte.size(), unfinished); ++unfinished) log.put_durably({kilobyte});
    EXPECT_GT(unfinished, 1U) << "round " << round;
    for (const auto& [job, place] : std::map(log.places())) {
      if (job != stays) log.finish(job);
    }
    for (int turn = 0; turn < 10 && !log->has_room(kilobyte.size(), 1); ++turn) {
      for (const auto& candidate : log->to_move(10)) log.move(candidate);
      log->commit(true);
      if (log->wants_checkpoint()) log.checkpoint();
    }
    ASSERT_TRUE(log->has_room(kilobyte.size(), 1)) << "round " << round;
    ASSERT_EQ(log.fatal().code, Code::ok) << log.fatal().message;
  }
  EXPECT_EQ(log.payload(stays), "stays");
  Log again(disk.after_kill());
  ASSERT_TRUE(again.is_open()) << again.error().message;
  EXPECT_EQ(again.payload(stays), "stays");
}

// The file that the log goes on in next was allocated, and nothing was written to it yet. After the failure
// others have taken all that is free: what it has is all that there is for finishes.
TEST(FullDisk, has_the_file_that_was_allocated_ahead_also_after_a_power_failure) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const FakeDisk disk;
    FakeDisk left;
    {
      Log log(disk);
      while (log->end() < 3000) log.put_durably({"x"});
      ASSERT_EQ(segments_on(disk), 1U);
      left = disk.after_power_failure(seed);
    }
    left.set_capacity(left.used_bytes());
    Log log(left);
    ASSERT_TRUE(log.is_open()) << log.error().message;
    while (!log.places().empty()) {
      log.finish(log.places().begin()->first);
      log->commit(true);
    }
    EXPECT_EQ(log.fatal().code, Code::ok) << seed << ": " << log.fatal().message;
    EXPECT_EQ(segments_on(left), 2U) << "else it was not needed";
  }
}

// Others filled the disk meanwhile: the checkpoint that would give space back has no room, and nothing more
// is put that would bring the next one.
TEST(FullDisk, tries_a_checkpoint_again_when_there_is_room) {
  const FakeDisk disk;
  disk.set_capacity(40 * 4096);
  Log log(disk);
  std::uint64_t unfinished = 0;
  for (; log->has_room(kilobyte.size(), unfinished); ++unfinished) log.put_durably({kilobyte});
  while (!log.places().empty()) {
    log.finish(log.places().begin()->first);
    log->commit(true);
  }
  constexpr std::size_t much = 20 * 4096;
  disk.set_capacity(disk.used_bytes());
  log.checkpoint();
  EXPECT_FALSE(log->has_room(much, 0));
  EXPECT_EQ(log->stats().checkpoints, 0U);
  EXPECT_FALSE(log->wants_checkpoint()) << "nothing has changed";
  disk.set_capacity(44 * 4096);
  EXPECT_FALSE(log->has_room(much, 0));
  EXPECT_TRUE(log->wants_checkpoint());
  log.checkpoint();
  EXPECT_TRUE(log->has_room(much, 0));
}

}  // namespace
}  // namespace joinery::broker::testing
