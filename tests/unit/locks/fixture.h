// A Redis, managers on it, and processes of the test's own. A child is forked before the test makes a thread
// or a Manager, and makes its own.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "shared/locks/joinery/locks.h"
#include "tests/support/redis_server.h"

namespace joinery::locks {

using namespace std::chrono_literals;

constexpr std::chrono::seconds limit(60);  // which only a failure reaches
inline const char* const name_space = "test";

class Child {
 public:
  Child(const testing::RedisServer& server, const std::function<void(Manager&)>& run) : pid_(::fork()) {
    if (pid_ != 0) return;
    int code = 1;
    try {
      Manager manager(server.url(), name_space);
      run(manager);
      code = 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(code);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ~Child() {
    if (pid_ <= 0) return;
    kill(SIGKILL);
    wait();
  }
  void kill(int number) const { ::kill(pid_, number); }
  // Exit code, or -N for signal N.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

// How often a command was called: from INFO commandstats.
inline std::uint64_t calls(redis::Client& redis, const std::string& command) {
  const std::string text = redis.command({"INFO", "commandstats"})->text;
  const std::string mark = "cmdstat_" + command + ":calls=";
  const auto at = text.find(mark);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + mark.size()));
}

}  // namespace joinery::locks
