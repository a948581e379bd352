#include "tests/chaos/world.h"

#include <fmt/format.h>
#include <joinery/client.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/exec_payload.h"
#include "tests/support/process_usage.h"
#include "tests/support/stack.h"

namespace joinery::chaos {
namespace {

using std::chrono::milliseconds;
using testing::Process;
using testing::program;

constexpr int workers = 3, producers = 2;
constexpr const char* disk_size = "size=224m";

void write_to(const char* path, const std::string& text) { std::ofstream(path) << text; }

// Mounts of our own, so that nothing is left behind however this ends. Those who may not have them get them
// in a namespace in which they are root, if the kernel lets them.
bool own_mounts() {
  if (::unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = fmt::format("0 {} 1", ::geteuid());
  const std::string group = fmt::format("0 {} 1", ::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_to("/proc/self/setgroups", "deny");
  write_to("/proc/self/uid_map", user);
  write_to("/proc/self/gid_map", group);
  return true;
}

ClientOptions patient(const std::string& endpoint) {
  ClientOptions options;
  options.endpoint = endpoint;
  options.timeout = std::chrono::seconds(120);
  return options;
}

}  // namespace

World::World(std::uint64_t seed) : seed_(seed), random_(seed), runs_(dir_ / "runs") {
  std::filesystem::create_directory(dir_ / "disk");
  small_disk();
  endpoint_ = "ipc://" + (dir_ / "broker");
  start_broker();
  nodes_.resize(workers);
  for (int i = 0; i < workers; ++i) {
    Node& node = nodes_[static_cast<std::size_t>(i)];
    node.network = std::make_unique<testing::Proxy>(dir_ / fmt::format("w{}", i), dir_ / "broker");
    start_worker(node);
  }
}

World::~World() {
  stopping_ = true;
  for (std::thread& producer : producers_) {
    if (producer.joinable()) producer.join();
  }
  heal();
  nodes_.clear();
  broker_.reset();
  if (mounted_) ::umount2((dir_ / "disk").c_str(), MNT_DETACH);
}

void World::small_disk() {
  mounted_ = own_mounts() && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount("tmpfs", (dir_ / "disk").c_str(), "tmpfs", 0, disk_size) == 0;
  if (mounted_) return;
  not_done_ =
      fmt::format("the disk was never full, for no small one can be mounted here: {}", std::strerror(errno));
  fmt::print(stderr, "NOT DONE: {}\n", not_done_);
}

// It needs its Redis to start.
void World::start_broker() {
  if (std::exchange(redis_frozen_, false)) redis_.thaw();
  broker_ = std::make_unique<Process>(
      std::vector<std::string>{program("joinery-broker"),
                               "--endpoint",
                               endpoint_,
                               "--data-dir",
                               dir_ / "disk/data",
                               "--redis-url",
                               redis_.url_text(),
                               "--worker-lease",
                               "2s",
                               "--worker-heartbeat",
                               "500ms",
                               "--worker-reconnect-grace",
                               "300ms",
                               "--limits-payload-max",
                               "1MiB",
                               "--limits-frame-max",
                               "10MiB",
                               "--journal-segment-size",
                               "32MiB",
                               "--log-level",
                               "error",
                               "--ready-fd",
                               "9"},
      Process::Options{.environment = {}, .directory = {}, .input = {}, .ready = true});
  broker_->wait_ready();
}

void World::start_worker(Node& node) {
  node.process = std::make_unique<Process>(
      std::vector<std::string>{program("joinery-worker"), "--endpoint", node.network->endpoint(),
                               "--allow-exec", "--processes", "2", "--log-level", "error"});
}

// Each job is a value of its own, and leaves a line; some children of it wait long, or bring ballast.
void World::produce(std::uint64_t first, testing::Proxy& network) {
  std::mt19937_64 random(seed_ ^ first);
  Client client(patient(network.endpoint()));
  for (std::uint64_t value = first; !stopping_;) {
    for (auto some = random() % 8; some > 0; --some, ++value) {
      const std::string script = fmt::format("echo {} $JOINERY_JOB_ID $JOINERY_ATTEMPT >> {}{}", value, runs_,
                                             random() % 20 == 0 ? "; sleep 0.2" : "");
      std::vector<std::string> argv{"sh", "-c", script};
      if (random() % 4 == 0) argv.push_back(std::string(random() % 120'000, '#'));
      SubmitOptions options;
      options.spec.result_ttl_s = random() % 4 == 0 ? 600 : 0;
      options.spec.crash_attempts = 1000;
      options.spec.attempts = 1000;
      options.spec.backoff.initial_ms = 10;
      ledger_.attempted(value);
      client.submit("exec", testing::exec_payload(argv), options, [this, value](Result<JobId> job) {
        if (job) ledger_.accepted(value, *job);
      });
    }
    // Bounded, so that what is under way at the end is drained in time.
    try {
      client.flush();
    } catch (const ClientError& error) {
      if (error.code() != Code::disk_full && error.code() != Code::shutting_down) throw;
    }
    std::this_thread::sleep_for(milliseconds(random() % 100));
  }
}

void World::run(std::chrono::seconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  for (std::uint64_t i = 0; i < producers; ++i) {
    producer_networks_.push_back(
        std::make_unique<testing::Proxy>(dir_ / fmt::format("p{}", i), dir_ / "broker"));
    producers_.emplace_back([this, i, &network = *producer_networks_.back()] {
      try {
        produce((i + 1) << 32U, network);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        producer_error_ = error.what();
        producer_failed_ = true;
      }
    });
  }
  look();
  begin_ = most_;
  while (std::chrono::steady_clock::now() < end && wrong_.empty() && !producer_failed_) {
    trouble();
    look();
    std::this_thread::sleep_for(milliseconds(50 + below(300)));
  }
  stopping_ = true;
  heal();
  for (std::thread& producer : producers_) producer.join();
  if (producer_failed_) wrong_ = "a producer: " + producer_error_;
  drain();
}

void World::drain() {
  Client client(patient(endpoint_));
  try {
    counts_ = client.join_queue("default", std::chrono::seconds(120));
  } catch (const std::exception& error) {
    wrong_ = fmt::format("the queue was not drained: {}", error.what());
  }
  look();
  end_ = most_;
  ledger_.read_runs(runs_);
}

void World::look() {
  const pid_t pid = broker_->pid();
  most_.memory_kb = std::max(most_.memory_kb, testing::memory_kb_of(pid));
  most_.threads = std::max(most_.threads, testing::threads_of(pid));
  most_.descriptors = std::max(most_.descriptors, testing::descriptors_of(pid));
  std::error_code ignored;
  std::uint64_t disk = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir_ / "disk/data", ignored)) {
    if (file.is_regular_file(ignored)) disk += file.file_size(ignored);
  }
  most_.disk_bytes = std::max(most_.disk_bytes, disk);
}

}  // namespace joinery::chaos
