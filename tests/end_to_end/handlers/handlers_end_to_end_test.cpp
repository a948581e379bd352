// Each source of handlers (a plug-in, commands, a program in Python) through broker and worker, to the
// result.
#include <gmock/gmock.h>

#include <fstream>

#include "producer/client/joinery/client.h"
#include "producer/client/joinery/pack.h"
#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds limit(60);

class Handlers : public ::testing::Test {
 protected:
  results::Stored result_of(const std::string& handler, Buffer payload, std::uint32_t attempts = 1) {
    SubmitOptions options;
    options.spec.attempts = attempts;
    options.spec.backoff = {.initial_ms = 1, .max_ms = 1, .factor = 1, .jitter = 0, .list_ms = {}};
    options.spec.result_ttl_s = 600;
    return client_.result(client_.submit(handler, std::move(payload), options).get(), limit);
  }
  static Buffer command(std::vector<std::string> argv) {
    return pack_value(std::map<std::string, std::vector<std::string>>{{"argv", std::move(argv)}});
  }

  Stack stack_;
  Client client_{stack_.endpoint()};
};

struct Output {
  int status = -1;
  std::string out;
  std::string err;
  bool truncated = true;
  MSGPACK_DEFINE_MAP(status, MSGPACK_NVP("stdout", out), MSGPACK_NVP("stderr", err), truncated)
};

TEST_F(Handlers, a_command_leaves_its_output_and_a_failed_one_its_status_after_its_last_attempt) {
  stack_.start_worker();
  const auto good = result_of("exec", command({"sh", "-c", "echo hi; echo $JOINERY_JOB_ID >&2"}));
  ASSERT_EQ(good.outcome, Outcome::succeeded) << good.failure.message;
  const auto output = unpack<Output>(good.value);
  EXPECT_EQ(output.out, "hi\n");
  EXPECT_EQ(output.err, std::to_string(good.token.job) + "\n");

  const auto bad =
      result_of("exec", command({"sh", "-c", "echo \"attempt $JOINERY_ATTEMPT\" >&2; exit 3"}), 3);
  EXPECT_EQ(bad.outcome, Outcome::failed);
  EXPECT_EQ(bad.failure.type, "exit status");
  EXPECT_EQ(bad.failure.message, "3: attempt 3");

  const auto missing = result_of("exec", command({"/no/such/command"}), 3);
  EXPECT_EQ(missing.failure.code, Code::command_not_found);
  EXPECT_EQ(missing.token.attempt, 1U);
}

TEST_F(Handlers, a_plug_in_runs_typed_functions_and_refuses_a_payload_of_another_type) {
  if (std::string(TEXT_PLUGIN).empty()) GTEST_SKIP() << "the examples are not built";
  stack_.start_worker({"--plugin", TEXT_PLUGIN, "--processes", "1", "--threads", "2"});
  EXPECT_EQ(unpack<std::string>(result_of("text.upper", pack("quiet")).value), "QUIET");
  EXPECT_EQ(unpack<int>(result_of("text.lines", pack("a\nb\n")).value), 2);

  const auto malformed = result_of("text.upper", pack(5), 3);
  EXPECT_EQ(malformed.failure.code, Code::malformed_payload);
  EXPECT_EQ(malformed.failure.message, "argument 1 is the integer 5, expected a string");
  EXPECT_EQ(malformed.token.attempt, 1U);
}

TEST_F(Handlers, a_program_in_python_is_a_pool_process_by_two_lines_of_configuration) {
  if (std::string(PYTHON_WITH_MSGPACK).empty()) GTEST_SKIP() << "there is no python3 with msgpack";
  const std::string config = stack_.dir() / "worker.toml";
  std::ofstream(config) << "[handler.count_words]\ncommand = [\"" PYTHON_WITH_MSGPACK "\", \"" EXAMPLES_DIR
                           "/any_language/count_words.py\"]\n";
  const std::string text = stack_.dir() / "text";
  std::ofstream(text) << "some words to count";
  stack_.start_worker({"--config", config});
  EXPECT_EQ(unpack<int>(result_of("count_words", pack(text)).value), 4);
  EXPECT_EQ(result_of("count_words", pack("/no/such/file")).failure.type, "FileNotFoundError");
}

}  // namespace
}  // namespace joinery::testing
