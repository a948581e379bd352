// How soon work goes on after a kill -9: the job of a pool process on the same host, and the lock of a job
// whose process died. Each figure is the time from just before the kill until the next one has it.
//
//   recovery [--kills 200] [--json]
#include <fcntl.h>
#include <fmt/format.h>
#include <joinery/client.h>
#include <joinery/locks.h>
#include <joinery/managers.h>
#include <joinery/pack.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "tests/support/stack.h"

namespace {

using joinery::JobId;
using joinery::testing::Stack;

double milliseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// What handlers say, each in one line: "ATTEMPT PID MILLISECONDS".
class Pipe {
 public:
  explicit Pipe(std::string path) : path_(std::move(path)) {
    if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("cannot make " + path_);
    // Both ends, so that it neither waits nor ends.
    file_.reset(::fdopen(::open(path_.c_str(), O_RDWR | O_CLOEXEC), "r"));
  }
  struct Line {
    int attempt = 0;
    pid_t process = 0;
    double at = 0;
  };
  Line read() {
    Line line;
    if (std::fscanf(file_.get(), "%d %d %lf", &line.attempt, &line.process, &line.at) != 3)
      throw std::runtime_error("a handler said something else");
    return line;
  }
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

joinery::SubmitOptions again_and_again() {
  joinery::SubmitOptions options;
  options.watch = true;
  options.spec.crash_attempts = 1000;
  return options;
}

// From the kill of its process until the job's handler has begun again.
std::vector<double> of_jobs(int kills, const char* processes) {
  Stack stack;
  stack.start_worker({"--processes", processes, "--log-level", "error"}, RECOVERY_WORKER);
  joinery::Client client(stack.endpoint());
  Pipe pipe(stack.dir() / "said");
  std::vector<double> taken;
  for (int i = 0; i < kills; ++i) {
    const JobId job = client.submit("stay", joinery::pack(pipe.path()), again_and_again()).get();
    const Pipe::Line first = pipe.read();
    const double begin = milliseconds_now();
    ::kill(first.process, SIGKILL);
    taken.push_back(pipe.read().at - begin);
    client.wait({job});
  }
  return taken;
}

// From the kill of the holder's process until another process has the lock.
std::vector<double> of_locks(int kills) {
  Stack stack;
  stack.start_worker({"--processes", "2", "--log-level", "error"}, RECOVERY_WORKER);
  joinery::Client client(stack.endpoint());
  Pipe pipe(stack.dir() / "said");
  joinery::Lock lock(joinery::manager(client), "shop");
  std::vector<double> taken;
  for (int i = 0; i < kills; ++i) {
    const JobId job = client.submit("stay_locked", joinery::pack(pipe.path()), again_and_again()).get();
    const Pipe::Line holder = pipe.read();
    double has_it = 0;
    std::thread waiter([&] {
      lock.lock();
      has_it = milliseconds_now();
      lock.release();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it stands in the line
    const double begin = milliseconds_now();
    ::kill(holder.process, SIGKILL);
    waiter.join();
    taken.push_back(has_it - begin);
    client.wait({job});
  }
  return taken;
}

void print(const char* what, std::vector<double> taken, bool json) {
  std::ranges::sort(taken);
  const auto part = [&](double share) {
    return taken[std::min(taken.size() - 1,
                          static_cast<std::size_t>(share * static_cast<double>(taken.size())))];
  };
  if (json) {
    fmt::print(
        "{{\"what\": \"{}\", \"kills\": {}, \"p50_ms\": {:.2f}, \"p99_ms\": {:.2f}, \"max_ms\": {:.2f}}}\n",
        what, taken.size(), part(0.5), part(0.99), taken.back());
  } else {
    fmt::print("{:52} {:6} {:9.2f} {:9.2f} {:9.2f}\n", what, taken.size(), part(0.5), part(0.99),
               taken.back());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int kills = 200;
  bool json = false;
  CLI::App app("How soon work goes on after a kill -9");
  app.add_option("--kills", kills, "of each kind")->capture_default_str();
  app.add_flag("--json", json, "a line of JSON each");
  CLI11_PARSE(app, argc, argv);
  if (!json)
    fmt::print("{:52} {:>6} {:>9} {:>9} {:>9}\n", "after kill -9 (ms)", "kills", "p50", "p99", "most");
  print("a job runs again in another pool process", of_jobs(kills, "2"), json);
  print("a job runs again, its worker has one pool process", of_jobs(kills, "1"), json);
  print("who waits has the lock of a pool process", of_locks(kills), json);
}
