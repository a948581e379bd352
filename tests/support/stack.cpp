#include "tests/support/stack.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace joinery::testing {

std::string program(const std::string& name) { return std::string(JOINERY_BIN_DIR) + "/" + name; }

namespace {

// JOINERY_TEST_TRANSPORT=tcp: a port on a loopback address of this process's own, so that tests side by side
// need not look for free ones, and a broker that starts again finds its own.
std::string endpoint_in(const TempDir& dir) {
  const char* transport = std::getenv("JOINERY_TEST_TRANSPORT");
  if (transport == nullptr || transport != std::string_view("tcp")) return "ipc://" + (dir / "joinery.sock");
  static std::atomic<int> port = 7000;
  const auto pid = static_cast<unsigned>(::getpid());
  return fmt::format("tcp://127.{}.{}.{}:{}", (pid >> 16U & 0x7fU) + 1, pid >> 8U & 0xffU, pid & 0xffU,
                     ++port);
}

}  // namespace

Stack::Stack(std::vector<std::string> broker_flags, std::map<std::string, std::string> environment)
    : endpoint_(endpoint_in(dir_)),
      broker_flags_(std::move(broker_flags)),
      environment_(std::move(environment)) {
  start_broker();
}

void Stack::start_broker() {
  std::vector<std::string> argv{
      program("joinery-broker"), "--endpoint", endpoint_, "--data-dir", data_dir(), "--ready-fd", "9"};
  argv.insert(argv.end(), broker_flags_.begin(), broker_flags_.end());
  broker_ = std::make_unique<Process>(
      std::move(argv),
      Process::Options{.environment = environment_, .directory = {}, .input = {}, .ready = true});
  broker_->wait_ready();
}

Process& Stack::start_worker(std::vector<std::string> flags, const std::string& program_path) {
  std::vector<std::string> argv{program_path, "--endpoint", endpoint_};
  argv.insert(argv.end(), flags.begin(), flags.end());
  workers_.push_back(std::make_unique<Process>(std::move(argv)));
  return *workers_.back();
}

Finished Stack::joinery(std::vector<std::string> arguments, std::string input) {
  std::vector<std::string> argv{program("joinery"), "--endpoint", endpoint_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(std::move(argv),
             Process::Options{.environment = {}, .directory = {}, .input = std::move(input), .ready = false});
}

std::string Stack::say(std::vector<std::string> arguments) {
  const Finished said = joinery(std::move(arguments));
  EXPECT_EQ(said.status, 0) << said.err;
  return without_line_end(said.out);
}

void StackTest::restart_broker() {
  stack.broker().signal(SIGKILL);
  stack.broker().wait();
  stack.start_broker();
}

}  // namespace joinery::testing
