// A disk that fills up, for real: the data directory on a small file system of its own.
#include <gmock/gmock.h>
#include <joinery/client.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t payload_bytes = 256U << 10U;

// {"argv": ["cat"], "stdin": <256 KiB>}, packed by hand.
Buffer large_command() {
  Buffer payload =
      "\x82\xa4"
      "argv\x91\xa4"
      "true\xa5"
      "stdin\xc6";
  for (int shift = 24; shift >= 0; shift -= 8) payload += static_cast<char>(payload_bytes >> shift & 0xffU);
  return payload.append(payload_bytes, 'x');
}

class DiskFull : public ::testing::Test {
 protected:
  // Skips the test where that is not allowed.
  void mount_small(const char* size) {
    std::filesystem::create_directory(disk_);
    // In a mount namespace of our own, so that nothing is left behind however this ends.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", disk_.c_str(), "tmpfs", 0, size) != 0) {
      GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
    }
  }
  void TearDown() override { ::umount2(disk_.c_str(), MNT_DETACH); }

  std::unique_ptr<Process> start_broker() {
    auto broker = std::make_unique<Process>(
        std::vector<std::string>{program("joinery-broker"), "--endpoint", endpoint_, "--data-dir",
                                 disk_ + "/data", "--redis-url", "none", "--limits-payload-max", "1MiB",
                                 "--limits-frame-max", "10MiB", "--journal-segment-size", "32MiB",
                                 "--ready-fd", "9"},
        Process::Options{.environment = {}, .directory = {}, .input = {}, .ready = true});
    broker->wait_ready();
    return broker;
  }
  Finished joinery(std::vector<std::string> words) {
    words.insert(words.begin(), {program("joinery"), "--endpoint", endpoint_});
    return run(std::move(words));
  }
  // Puts until the broker refuses one; how many it took. `why`: the refusal.
  std::uint64_t fill(Client& client, Error& why) {
    const Buffer payload = large_command();
    for (std::uint64_t taken = 0;; ++taken) try {
        client.submit("exec", payload).get();
      } catch (const ClientError& error) {
        why = error.error();
        return taken;
      }
  }

  TempDir dir_;
  const std::string disk_ = dir_ / "disk";
  const std::string endpoint_ = "ipc://" + (dir_ / "socket");
};

TEST_F(DiskFull, RefusesPutsWhileFinishesGoOnAndTakesThemAgainWhenThereIsRoom) {
  mount_small("size=160m");
  if (IsSkipped()) return;
  auto broker = start_broker();
  Client client(endpoint_);
  Error why;
  const std::uint64_t taken = fill(client, why);
  EXPECT_GT(taken, 20U);
  EXPECT_EQ(why.code, Code::disk_full);
  EXPECT_THAT(broker->err(), HasSubstr("is nearly full: new jobs are refused, finishes go on"));
  const Finished refused = joinery({"submit", "exec", "--", "true"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("disk_full"));

  // Someone else takes what is left of the disk: the reserve is the broker's own.
  {
    std::ofstream hog(disk_ + "/hog", std::ios::binary);
    const std::string block(1U << 20U, 'h');
    while (hog.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  Process worker({program("joinery-worker"), "--endpoint", endpoint_, "--allow-exec", "--processes", "2"});
  const Counts counts = client.join_queue("default", std::chrono::seconds(60));
  EXPECT_EQ(counts.succeeded, taken);
  EXPECT_EQ(counts.unfinished(), 0U);

  std::filesystem::remove(disk_ + "/hog");
  EXPECT_TRUE(eventually([&] { return joinery({"submit", "exec", "--", "true"}).status == 0; }));
  EXPECT_THAT(broker->err(), HasSubstr("the disk has room again"));

  // What was finished on the full disk stays finished.
  broker->signal(SIGKILL);
  broker->wait();
  broker = start_broker();
  EXPECT_EQ(client.join_queue("default", std::chrono::seconds(60)).succeeded, taken + 1);
}

// Two files of the journal fit, and not a third: whatever ends has to give its space back without the help of
// a put, for none is taken. Again and again, and though a job stays that nobody runs.
TEST_F(DiskFull, SmallerThanThreeFilesOfTheJournalHasRoomAgainWhenItsJobsHaveEnded) {
  mount_small("size=80m");
  if (IsSkipped()) return;
  auto broker = start_broker();
  ClientOptions options;
  options.endpoint = endpoint_;
  options.timeout = std::chrono::seconds(60);
  Client client(options);
  Process worker({program("joinery-worker"), "--endpoint", endpoint_, "--allow-exec", "--processes", "2"});
  for (std::uint64_t round = 0, ended = 0; round < 4; ++round) {
    SubmitOptions kept;
    kept.queue = "kept";
    if (round == 1) client.submit("exec", large_command(), kept).get();
    Error why;
    ended += fill(client, why);
    EXPECT_EQ(why.code, Code::disk_full);
    EXPECT_EQ(client.join_queue("default", std::chrono::seconds(60)).succeeded, ended);
    ASSERT_TRUE(eventually([&] {
      return joinery({"submit", "exec", "--", "true"}).status == 0;
    })) << "round "
        << round << "\n"
        << broker->err();
    ++ended;
    client.join_queue("default", std::chrono::seconds(60));
  }
}

}  // namespace
}  // namespace joinery::testing
