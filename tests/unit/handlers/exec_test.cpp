#include "worker/handlers/exec.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "fake_context.h"

namespace joinery::handlers {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

struct Payload {
  std::vector<std::string> argv;
  std::optional<std::string> input;
  std::map<std::string, std::string> env;
  std::string cwd;
};

Buffer packed(const Payload& payload) {
  Buffer out;
  pack_detail::Sink sink{out};
  msgpack::packer<pack_detail::Sink> packer(sink);
  packer.pack_map(3 + payload.input.has_value());
  packer.pack("argv").pack(payload.argv).pack("env").pack(payload.env).pack("cwd").pack(payload.cwd);
  if (payload.input) packer.pack("stdin").pack(*payload.input);
  return out;
}

struct Output {
  int status = -1;
  std::string out;
  std::string err;
  bool truncated = false;
  MSGPACK_DEFINE_MAP(status, MSGPACK_NVP("stdout", out), MSGPACK_NVP("stderr", err), truncated)
};

class Exec : public ::testing::Test {
 protected:
  Exec() { ::signal(SIGPIPE, SIG_IGN); }  // as a pool process does
  Output run(const Payload& payload, std::size_t most = exec_output_max_default) {
    return unpack<Output>(exec(most)(context_, packed(payload)));
  }
  Output shell(const std::string& script, std::optional<std::string> input = {}) {
    return run({{"sh", "-c", script}, std::move(input), {}, {}});
  }
  FailedWith failure_of(const Payload& payload) {
    try {
      run(payload);
    } catch (const FailedWith& failure) {
      return failure;
    }
    return FailedWith(
        Failure{.code = Code::ok, .type = {}, .message = "did not fail", .where = {}, .dossier = {}});
  }
  void expect_malformed(const Buffer& payload, const std::string& message) {
    EXPECT_THAT([&] { exec()(context_, payload); }, ThrowsMessage<MalformedPayload>(HasSubstr(message)));
  }
  FakeContext context_;
};

TEST_F(Exec, collects_what_the_command_writes) {
  const Output output = shell("echo out; echo err >&2");
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_FALSE(output.truncated);
}

TEST_F(Exec, gives_the_payload_on_stdin_and_collects_megabytes_without_a_deadlock) {
  const std::string input(1'000'000, 'i');
  const Output output = run({{"tee", "/dev/stderr"}, input, {}, {}});
  EXPECT_EQ(output.out, input);
  EXPECT_EQ(output.err, input);
}

TEST_F(Exec, a_command_need_not_read_its_stdin) {
  EXPECT_EQ(shell("exec 0<&-; echo done", std::string(1'000'000, 'i')).out, "done\n");
}

TEST_F(Exec, keeps_the_beginning_of_too_much_output_and_says_so) {
  const Output output = run({{"sh", "-c", "head -c 300000 /dev/zero"}, {}, {}, {}}, 1000);
  EXPECT_EQ(output.out.size(), 1000U);
  EXPECT_TRUE(output.truncated);
  EXPECT_FALSE(run({{"head", "-c", "1000", "/dev/zero"}, {}, {}, {}}, 1000).truncated);
}

TEST_F(Exec, what_a_failed_command_wrote_is_kept_beside_the_failure) {
  const FailedWith failed = failure_of({{"sh", "-c", "echo out; echo err >&2; exit 3"}, {}, {}, {}});
  const Output output = unpack<Output>(failed.value());
  EXPECT_EQ(output.status, 3);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  const FailedWith killed = failure_of({{"sh", "-c", "echo out; kill -9 $$"}, {}, {}, {}});
  EXPECT_EQ(unpack<Output>(killed.value()).status, -9);
  EXPECT_EQ(unpack<Output>(killed.value()).out, "out\n");
}

TEST_F(Exec, runs_in_the_directory_and_environment_asked_for_and_knows_its_delivery) {
  const Output output =
      run({{"sh", "-c", "pwd; echo $WORD $JOINERY_JOB_ID $JOINERY_ATTEMPT $JOINERY_BATCH $JOINERY_FENCE"},
           {},
           {{"WORD", "hello"}},
           "/usr"});
  EXPECT_EQ(output.out, "/usr\nhello 7 2 5 4294967298\n");
}

TEST_F(Exec, an_exit_status_is_a_failure_with_the_last_line_of_stderr) {
  const auto failure =
      failure_of({{"sh", "-c", "echo first >&2; echo 'no such host' >&2; exit 3"}, {}, {}, {}});
  EXPECT_EQ(failure.failure().type, "exit status");
  EXPECT_EQ(failure.failure().message, "3: no such host");
  EXPECT_EQ(failure.failure().code, Code::handler_error);
  EXPECT_TRUE(failure.retry());
  EXPECT_EQ(failure_of({{"false"}, {}, {}, {}}).failure().message, "1");
}

TEST_F(Exec, a_signal_is_a_failure_with_its_name) {
  const auto failure = failure_of({{"sh", "-c", "kill -9 $$"}, {}, {}, {}});
  EXPECT_EQ(failure.failure().type, "signal");
  EXPECT_EQ(failure.failure().message, "9: SIGKILL");
}

TEST_F(Exec, a_command_that_does_not_exist_or_cannot_run_is_not_tried_again) {
  const auto missing = failure_of({{"/no/such/command"}, {}, {}, {}});
  EXPECT_EQ(missing.failure().code, Code::command_not_found);
  EXPECT_EQ(missing.failure().message, "/no/such/command: No such file or directory");
  EXPECT_FALSE(missing.retry());
  EXPECT_EQ(failure_of({{"/etc/passwd"}, {}, {}, {}}).failure().message, "/etc/passwd: Permission denied");
  EXPECT_THAT(failure_of({{"true"}, {}, {}, "/no/such"}).failure().message,
              StartsWith("cannot change to directory /no/such"));
}

TEST_F(Exec, a_command_that_cannot_run_leaves_no_zombie) {
  failure_of({{"/no/such/command"}, {}, {}, {}});
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(Exec, a_payload_of_another_form_is_told_with_its_field) {
  expect_malformed(pack("ls"), "payload");
  expect_malformed(packed({}), "argv is empty");
  expect_malformed(pack_value(std::map<std::string, std::string>{{"argv", "ls"}}), "argv");
  expect_malformed(pack_value(std::map<std::string, std::string>{{"arv", "ls"}}), "\"arv\" is not known");
  expect_malformed(packed({{std::string("l\0s", 3)}, {}, {}, {}}), "argv contains a zero byte");
  expect_malformed(packed({{"ls"}, {}, {{"A=B", "c"}}, {}}), "env has the name \"A=B\"");
}

TEST_F(Exec, what_a_command_leaves_running_in_the_background_is_not_waited_for) {
  // The sleeper holds stdout; it would end long after the limit of this test.
  const Output output = shell("sleep 1000 & echo $!");
  ::kill(std::stoi(output.out), SIGKILL);
  EXPECT_EQ(output.status, 0);
}

TEST_F(Exec, cancelling_sends_SIGTERM_and_the_command_may_end_well) {
  std::thread canceller;
  const std::string fifo = ::testing::TempDir() + "exec_fifo_" + std::to_string(getpid());
  ::unlink(fifo.c_str());
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  canceller = std::thread([&] {
    std::ifstream(fifo).get();  // the trap is set
    context_.cancel();
  });
  const Output output =
      shell("trap 'echo bye; kill $!; exit 0' TERM; sleep 1000 & echo > " + fifo + "; wait");
  canceller.join();
  ::unlink(fifo.c_str());
  EXPECT_EQ(output.out, "bye\n");
}

TEST_F(Exec, the_end_of_the_soft_time_limit_sends_SIGTERM) {
  context_.deadline_at = read_clocks().mono + std::chrono::milliseconds(10);
  EXPECT_EQ(failure_of({{"sleep", "1000"}, {}, {}, {}}).failure().message, "15: SIGTERM");
}

TEST_F(Exec, SIGTERM_reaches_what_the_command_started_too) {
  context_.deadline_at = read_clocks().mono + std::chrono::milliseconds(50);
  // Both sleepers inherit the pipe; its end shows that they are gone.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  failure_of({{"sh", "-c", "sleep 1000 & sleep 1000"}, {}, {}, {}});
  ::close(ends[1]);
  pollfd gone{ends[0], POLLIN, 0};
  EXPECT_EQ(::poll(&gone, 1, 30'000), 1);
  ::close(ends[0]);
}

}  // namespace
}  // namespace joinery::handlers
