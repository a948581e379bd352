#include "producer/cli/bench/stack.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "producer/cli/bench/latencies.h"
#include "producer/client/joinery/client.h"

namespace joinery::cli::bench {
namespace {

constexpr int ready_ms_max = 600'000;
constexpr int stop_ms_max = 120'000;
constexpr std::size_t queues_on_command_line_max = 100;

[[noreturn]] void refuse(const std::string& message) { throw ClientError({Code::io_error, message, {}}); }

std::string program(const char* name) {
  auto found = find_program(name);
  if (!found) throw ClientError(found.error());
  return *found;
}

std::string make_dir(const std::string& parent) {
  std::string path = parent + "/joinery-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    refuse(fmt::format("--dir: {} cannot be made: {}", path, std::strerror(errno)));
  return path;
}

}  // namespace

void Leftovers::add(pid_t process) {
  const std::lock_guard lock(mutex_);
  processes_.insert(process);
}
void Leftovers::ended(pid_t process) {
  const std::lock_guard lock(mutex_);
  processes_.erase(process);
}
void Leftovers::add(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  dirs_.insert(dir);
}
void Leftovers::removed(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  dirs_.erase(dir);
}
void Leftovers::take_away() {
  const std::lock_guard lock(mutex_);
  for (const pid_t process : processes_) ::kill(process, SIGKILL);
  std::error_code ignored;
  for (const std::string& dir : dirs_) std::filesystem::remove_all(dir, ignored);
}

Stack::Stack(StackOptions options, Leftovers& leftovers)
    : options_(std::move(options)), leftovers_(leftovers), endpoint_(options_.running) {
  if (!endpoint_.empty()) return;
  dir_ = make_dir(options_.dir);
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
  if (!line.empty()) return line;
  const pid_t pid = child.pid;
  ::kill(pid, SIGKILL);
  const int status = reap(child);
  leftovers_.ended(pid);
  refuse(fmt::format("the {} {} instead of becoming ready", what, describe_end(status)));
}

void Stack::stop(Child& child, int signal) {
  if (!child.runs()) return;
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
