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

}  // namespace
}  // namespace joinery::broker::testing
