// What the journal asks of a disk: large files that are written past the page cache, and nothing read more
// often than it must be.
#include <gtest/gtest.h>

#include "broker/journal/posix_storage.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/journal/fixture.h"

namespace joinery::broker::testing {
namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20U;

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

// Pieces of all lengths, so that they end before, at and behind the ends of pages and of what is collected.
TEST(StreamedFile, holds_what_was_written_whatever_its_length) {
  const joinery::testing::TempDir dir;
  const auto directory = journal::open_directory(dir.path()).value();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, megabyte, megabyte + 8, 3 * megabyte - 1}) {
    const std::string bytes = some_bytes(size);
    {
      auto file = directory->create_streamed("file").value();
      std::size_t piece = 1;
      for (std::size_t at = 0; at < size; at += piece, piece = piece * 3 % 400'000)
        ASSERT_TRUE(file->write_at(Bytes(bytes).substr(at, piece), at));
      ASSERT_TRUE(file->sync());
    }
    EXPECT_EQ(journal::read_whole(*directory, "file").value(), bytes) << size;
  }
}

TEST(StreamedFile, replaces_a_longer_one_of_its_name) {
  const joinery::testing::TempDir dir;
  const auto directory = journal::open_directory(dir.path()).value();
  for (const std::size_t size : {2 * megabyte, std::size_t{10}}) {
    auto file = directory->create_streamed("file").value();
    ASSERT_TRUE(file->write_at(std::string(size, 'x'), 0));
    ASSERT_TRUE(file->sync());
  }
  EXPECT_EQ(journal::read_whole(*directory, "file").value(), "xxxxxxxxxx");
}

// Once for its checksum and once for the payloads in it.
TEST(Backlog, is_read_back_twice_at_most) {
  const FakeDisk disk;
  JournalOptions options = small_options();
  options.segment_bytes = 8 * megabyte;
  options.record_bytes_max = megabyte;
  options.checkpoint_bytes = 64 * megabyte;
  Log log(disk, options);
  const std::vector<std::string> hundred(100, std::string(1000, 'x'));
  while (log->end() < 24 * megabyte) log.put_durably(hundred);
  const std::uint64_t before = disk.read_bytes();
  for (const auto& [job, place] : log.places()) {
    if (place.position >= 16 * megabyte) break;
    ASSERT_EQ(log.payload(job), hundred.front()) << job;
  }
  const auto read = static_cast<double>(disk.read_bytes() - before);
  EXPECT_LT(read, 2.2 * 16 * megabyte);
}

}  // namespace
}  // namespace joinery::broker::testing
