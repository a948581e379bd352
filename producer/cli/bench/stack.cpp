#include "producer/cli/bench/stack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "producer/cli/bench/failed.h"
#include "producer/cli/bench/latencies.h"
#include "producer/cli/context.h"

namespace joinery::cli::bench {
namespace {

constexpr int ready_ms_max = 600'000;
constexpr int stop_ms_max = 120'000;
constexpr std::size_t queues_on_command_line_max = 100;

std::string program(const char* name) {
  auto found = find_program(name);
  if (!found) throw ClientError(found.error());
  return *found;
}

constexpr const char* dir_prefix = "joinery-bench-run-";

// Held until the descriptor is closed; none if somebody else has it.
unique_fd lock_dir(const std::string& dir, int how) {
  unique_fd lock(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock && ::flock(lock.get(), how) != 0) lock.reset();
  return lock;
}

// What runs that were killed have left: nobody holds its lock any more.
void remove_dead(const std::string& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    struct stat found {};
    if (!entry.path().filename().string().starts_with(dir_prefix) ||
        ::lstat(entry.path().c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != ::geteuid())
      continue;
    if (lock_dir(entry.path(), LOCK_EX | LOCK_NB)) std::filesystem::remove_all(entry.path(), ignored);
  }
}

std::string make_dir(const std::string& parent, unique_fd& lock) {
  const unique_fd turn = lock_dir(parent, LOCK_EX);  // nobody else looks at ours before it has its lock
  if (turn) remove_dead(parent);
  std::string path = fmt::format("{}/{}XXXXXX", parent, dir_prefix);
  if (::mkdtemp(path.data()) == nullptr)
    throw UsageError(fmt::format("--dir: {} cannot be made: {}", path, std::strerror(errno)));
  lock = lock_dir(path, LOCK_EX | LOCK_NB);
  return path;
}

}  // namespace

ExitCode exit_code_of(int wait_status, ExitCode otherwise) {
  switch (WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0) {
#define X(name, number, meaning) \
  case number: return number >= 64 ? ExitCode::name : otherwise;
    JOINERY_EXIT_CODES(X)
#undef X
    default: return otherwise;
  }
}

Stack::Stack(StackOptions options, Leftovers& leftovers, Guard& guard)
    : options_(std::move(options)), leftovers_(leftovers), guard_(guard), endpoint_(options_.running) {
  if (!endpoint_.empty()) return;
  dir_ = make_dir(options_.dir, dir_lock_);
  leftovers_.add(dir_);
  endpoint_ = options_.tcp ? "tcp://127.0.0.1:0" : "ipc://" + dir_ + "/broker";
  try {
    endpoint_ = start_broker();
  } catch (const ClientError&) {
    std::filesystem::remove_all(dir_);
    throw;
  }
}

Stack::~Stack() {
  stop_workers();
  stop(broker_, SIGTERM);
  if (dir_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
  leftovers_.removed(dir_);
}

std::string Stack::start_broker() {
  std::vector<std::string> argv{program("joinery-broker"),
                                "--endpoint",
                                endpoint_,
                                "--data-dir",
                                dir_ + "/data",
                                "--queues-durability",
                                options_.durability,
                                "--queues-mode",
                                options_.mode,
                                "--log-level",
                                "warn"};
  if (!options_.redis) argv.insert(argv.end(), {"--redis-url", "none"});
  return start(broker_, std::move(argv), "broker");
}

void Stack::start_worker(std::uint64_t processes, const std::vector<std::string>& queues) {
  std::vector<std::string> argv{
      program("joinery-worker"),    "--endpoint",  endpoint_, "--noop", "--processes",
      fmt::format("{}", processes), "--log-level", "error"};
  if (queues.size() <= queues_on_command_line_max) {
    for (const std::string& queue : queues) argv.insert(argv.end(), {"--queues", queue});
  } else {
    argv.insert(argv.end(), {"--config", write_config(queues)});
  }
  start(workers_.emplace_back(), std::move(argv), "worker");
}

std::string Stack::write_config(const std::vector<std::string>& queues) const {
  const std::string path = fmt::format("{}/worker-{}.toml", dir_, workers_.size());
  std::ofstream file(path);
  file << "queues = [";
  for (const std::string& queue : queues) file << '"' << queue << "\", ";
  file << "]\n";
  return path;
}

std::string Stack::start(Child& child, std::vector<std::string> argv, const char* what) {
  auto started = start_child(std::move(argv));
  if (!started) throw ClientError(started.error());
  child = std::move(*started);
  leftovers_.add(child.pid);
  pollfd ready{child.ready.get(), POLLIN, 0};
  while (::poll(&ready, 1, ready_ms_max) < 0 && errno == EINTR) {
  }
  std::string line = read_ready(child);
  if (!line.empty()) {
    guard_.watch(child, what);
    return line;
  }
  const pid_t pid = child.pid;
  ::kill(pid, SIGKILL);
  const int status = reap(child);
  leftovers_.ended(pid);
  throw Failed(
      exit_code_of(status, ExitCode::failure),
      {Code::io_error, fmt::format("the {} {} instead of becoming ready", what, describe_end(status)), {}});
}

void Stack::stop(Child& child, int signal) {
  if (!child.runs()) return;
  guard_.leave(child);
  const pid_t pid = child.pid;
  ::kill(pid, signal);
  pollfd ended{child.pidfd.get(), POLLIN, 0};
  while (::poll(&ended, 1, stop_ms_max) < 0 && errno == EINTR) {
  }
  if (ended.revents == 0) ::kill(pid, SIGKILL);
  reap(child);
  leftovers_.ended(pid);
}

void Stack::stop_workers() {
  for (Child& worker : workers_) stop(worker, SIGTERM);
  workers_.clear();
}

std::vector<pid_t> Stack::workers() const {
  std::vector<pid_t> pids;
  for (const Child& worker : workers_) pids.push_back(worker.pid);
  return pids;
}

double Stack::restart_broker(int signal) {
  stop(broker_, signal);
  const auto begin = Clock::now();
  start_broker();
  return seconds_since(begin);
}

}  // namespace joinery::cli::bench
