// A Redis and a manager on it; processes of the test's own (forked before the test makes a Manager).
#pragma once

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "shared/manager/joinery/manager.h"
#include "tests/support/redis_server.h"

namespace joinery::values {

using namespace std::chrono_literals;

inline const char* const name_space = "test";

struct Values : ::testing::Test {
  testing::RedisServer server;
  redis::Client redis{server.url()};

  Manager manager(ManagerOptions options = {}) { return Manager(server.url(), name_space, options); }
  std::uint64_t commands() {
    const std::string text = redis.command({"INFO", "stats"})->text;
    const std::string mark = "total_commands_processed:";
    return std::stoull(text.substr(text.find(mark) + mark.size()));
  }
  // Runs `number` processes to their end; all must succeed.
  void processes(int number, const std::function<void(Manager&, int)>& run) {
    std::vector<pid_t> pids;
    for (int i = 0; i < number; ++i) {
      pids.push_back(::fork());
      if (pids.back() != 0) continue;
      int code = 1;
      try {
        Manager mine(server.url(), name_space);
        run(mine, i);
        code = 0;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
      }
      ::_exit(code);
    }
    for (const pid_t pid : pids) {
      int status = -1;
      ::waitpid(pid, &status, 0);
      EXPECT_EQ(status, 0);
    }
  }
};

// The message of the exception that `call` throws.
template <typename Expected, typename F>
std::string thrown(F call) {
  try {
    call();
  } catch (const Expected& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another: ") + error.what();
  }
  return "nothing was thrown";
}

}  // namespace joinery::values
