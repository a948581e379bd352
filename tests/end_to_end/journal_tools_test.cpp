// --check-journal and --repair-journal on the data directory of a real broker.
#include <gmock/gmock.h>
#include <joinery/client.h>

#include <filesystem>
#include <fstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class JournalTools : public ::testing::Test {
 protected:
  Finished tool(const std::string& flag, const std::string& data_dir) {
    return run({program("joinery-broker"), "--data-dir", data_dir, flag});
  }
  Finished tool(const std::string& flag) { return tool(flag, stack_.data_dir()); }
  void stop() {
    stack_.broker().signal(SIGTERM);
    stack_.broker().wait();
  }
  // Changes a byte of the record that holds this payload.
  void damage(const std::string& payload) {
    const std::string path = stack_.data_dir() + "/segment-0000000000000000";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string head(std::size_t{1} << 16U, '\0');
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    const std::size_t at = head.find(payload);
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('#');
  }

  Stack stack_{{"--redis-url", "none"}};
};

TEST_F(JournalTools, say_that_a_journal_is_whole_and_how_much_is_in_it) {
  Client client(stack_.endpoint());
  client.submit("work", "payload").get();
  EXPECT_EQ(tool("--check-journal").status, 81) << "a broker uses it";
  stop();
  const Finished checked = tool("--check-journal");
  EXPECT_EQ(checked.status, 0);
  EXPECT_THAT(checked.out, HasSubstr("whole: the log ends in segment-0000000000000000 at offset"));
  EXPECT_THAT(checked.out, HasSubstr("epoch 1, 1 jobs unfinished, 1 queues"));
  EXPECT_THAT(tool("--repair-journal").out, HasSubstr("there is nothing to repair"));
}

TEST_F(JournalTools, say_that_there_is_no_journal_and_make_none) {
  const Finished checked = tool("--check-journal", stack_.dir() / "nowhere");
  EXPECT_EQ(checked.status, 78);
  EXPECT_THAT(checked.err, HasSubstr("there is no journal in"));
  EXPECT_EQ(::access((stack_.dir() / "nowhere").c_str(), F_OK), -1);
}

TEST_F(JournalTools, say_that_the_meta_file_is_missing_and_take_a_copy_of_it) {
  stop();
  const std::string meta = stack_.data_dir() + "/meta", copy = stack_.dir() / "meta";
  std::filesystem::rename(meta, copy);
  for (const char* option : {"--check-journal", "--repair-journal"}) {
    const Finished refused = tool(option);
    EXPECT_EQ(refused.status, 82) << option;
    EXPECT_THAT(refused.err, HasSubstr("meta: the file is missing")) << option;
  }
  std::filesystem::rename(copy, meta);
  EXPECT_EQ(tool("--check-journal").status, 0);
}

TEST_F(JournalTools, give_up_what_is_behind_the_damage_by_name_and_let_the_broker_start_again) {
  JobId kept = 0, damaged = 0, behind = 0;
  {
    Client client(stack_.endpoint());
    SubmitOptions mail;
    mail.queue = "mail";
    kept = client.submit("work", "the first payload", mail).get();
    damaged = client.submit("work", "the second payload", mail).get();
    behind = client.submit("work", "the third payload").get();
    EXPECT_EQ(stack_.joinery({"cancel", std::to_string(kept)}).status, 0);
  }
  stop();
  damage("the second payload");

  const Finished checked = tool("--check-journal");
  EXPECT_EQ(checked.status, 82);
  EXPECT_THAT(checked.out, HasSubstr("damaged: segment-0000000000000000 at offset "));
  EXPECT_THAT(checked.out, HasSubstr("found a record whose checksum says"));
  const Finished refused =
      run({program("joinery-broker"), "--data-dir", stack_.data_dir(), "--endpoint", stack_.endpoint()});
  EXPECT_EQ(refused.status, 82);

  const Finished repaired = tool("--repair-journal");
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_THAT(repaired.out, HasSubstr("given up, queue default: jobs " + std::to_string(behind) + "\n"));
  EXPECT_THAT(repaired.out, HasSubstr("given up, queue not known: jobs " + std::to_string(damaged) + "\n"));
  EXPECT_THAT(repaired.out, HasSubstr("will run again: jobs " + std::to_string(kept) + "\n"));
  EXPECT_THAT(repaired.out, HasSubstr("moved aside: " + stack_.data_dir() + "/quarantine-1-segment-"));
  EXPECT_EQ(tool("--check-journal").status, 0);

  stack_.start_broker();
  const Finished shown = stack_.joinery({"--json", "status"});
  EXPECT_THAT(shown.out, HasSubstr("\"ready\":1")) << shown.out;
  // No id is given twice.
  Client client(stack_.endpoint());
  EXPECT_GT(client.submit("work", "new").get(), behind);
}

TEST_F(JournalTools, finish_a_repair_that_was_killed_and_tell_the_same) {
  JobId last = 0;
  {
    Client client(stack_.endpoint());
    client.submit("work", "the first payload").get();
    client.submit("work", "the second payload").get();
    last = client.submit("work", "the third payload").get();
  }
  stop();
  damage("the second payload");
  const std::string given_up = "given up, queue default: jobs " + std::to_string(last) + "\n";

  // It may not write files as large as a segment, and is killed when it puts one aside.
  const Finished killed =
      run({"/bin/sh", "-c", "ulimit -c 0; ulimit -f 2048; exec \"$0\" \"$@\"", program("joinery-broker"),
           "--data-dir", stack_.data_dir(), "--repair-journal"});
  EXPECT_NE(killed.status, 0);
  EXPECT_THAT(tool("--check-journal").out, HasSubstr("a repair was cut off"));
  const Finished refused =
      run({program("joinery-broker"), "--data-dir", stack_.data_dir(), "--endpoint", stack_.endpoint()});
  EXPECT_EQ(refused.status, 82);

  const Finished finished = tool("--repair-journal");
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("a repair was cut off; it is finished now"));
  EXPECT_THAT(finished.out, HasSubstr(given_up));
  EXPECT_EQ(tool("--check-journal").status, 0);
  EXPECT_THAT(tool("--repair-journal").out, HasSubstr("there is nothing to repair"));
  stack_.start_broker();
  Client client(stack_.endpoint());
  EXPECT_GT(client.submit("work", "new").get(), last);
}

TEST_F(JournalTools, find_out_that_the_end_of_the_log_was_cut_off_although_its_broker_stopped_in_order) {
  JobId last = 0;
  {
    Client client(stack_.endpoint());
    for (int i = 0; i < 3; ++i) last = client.submit("work", "payload").get();
  }
  stop();
  std::filesystem::resize_file(stack_.data_dir() + "/segment-0000000000000000", 200);

  const Finished checked = tool("--check-journal");
  EXPECT_EQ(checked.status, 82);
  EXPECT_THAT(checked.out, HasSubstr("damaged: segment-0000000000000000 at offset "));
  const Finished refused =
      run({program("joinery-broker"), "--data-dir", stack_.data_dir(), "--endpoint", stack_.endpoint()});
  EXPECT_EQ(refused.status, 82);
  EXPECT_THAT(refused.err + refused.out, HasSubstr("--repair-journal"));

  const Finished repaired = tool("--repair-journal");
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_THAT(repaired.out, HasSubstr("bytes behind is not known"));
  EXPECT_EQ(tool("--check-journal").status, 0);
  stack_.start_broker();
  Client client(stack_.endpoint());
  EXPECT_GT(client.submit("work", "new").get(), last);
}

}  // namespace
}  // namespace joinery::testing
