// The example of a pool process in another language speaks the protocol as docs/protocol.md has it.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <fstream>

#include "pool.h"
#include "shared/protocol/pack.h"

namespace joinery::pool_process {
namespace {

using ::testing::ElementsAre;

class Python : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(PYTHON_WITH_MSGPACK).empty()) GTEST_SKIP() << "there is no python3 with msgpack";
  }
};

TEST_F(Python, pool_process_runs_jobs_reports_failures_and_stops) {
  Pool pool({PYTHON_WITH_MSGPACK, EXAMPLES_DIR "/any_language/count_words.py"});
  EXPECT_THAT(pool.ready.handlers, ElementsAre("count_words"));
  EXPECT_FALSE(pool.ready.board);

  const std::string path = ::testing::TempDir() + "words_" + std::to_string(pool.pid());
  std::ofstream(path) << "three words\nhere";
  const Buffer payloads[] = {pack(path), pack("/no/such/file"), pack(1, 2, 3)};
  pool.run("count_words", 1, {payloads[0], payloads[1], payloads[2]});
  const auto outcomes = pool.outcomes(3);
  EXPECT_EQ(unpack<int>(outcomes[0].result), 3);
  EXPECT_EQ(outcomes[1].failure.type, "FileNotFoundError");
  EXPECT_TRUE(outcomes[1].retry);
  EXPECT_EQ(outcomes[2].failure.type, "TypeError");
  EXPECT_FALSE(outcomes[2].retry);

  const Buffer payload = pack(path);
  pool.run("count_words", 4, std::vector<Bytes>(100, payload), {});
  EXPECT_EQ(pool.outcomes(100).back().job, 103U);
  std::remove(path.c_str());
  pool.send(pool::Stop{});
  EXPECT_EQ(pool.wait(), 0);
}

}  // namespace
}  // namespace joinery::pool_process
