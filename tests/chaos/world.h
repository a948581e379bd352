// The programs of a chaos run, what happens to them, and what was used meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/ledger.h"
#include "tests/support/process.h"
#include "tests/support/proxy.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace joinery::chaos {

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  // Trouble for so long; then everything is healed and the work drained.
  void run(std::chrono::seconds duration);
  std::string report() const;
  std::string json_report() const;
  bool good() const;

 private:
  struct Node {
    std::unique_ptr<testing::Proxy> network;
    std::unique_ptr<testing::Process> process;
    std::vector<pid_t> stopped;  // its family, while it is
  };
  // The most that was seen.
  struct Usage {
    std::uint64_t memory_kb = 0, descriptors = 0, threads = 0, disk_bytes = 0;
  };

  void small_disk();
  void start_broker();
  void start_worker(Node& node);
  void produce(std::uint64_t first, testing::Proxy& network);
  void trouble();
  void kill_broker();
  void kill_worker(Node& node);
  void kill_pool_process(Node& node);
  void stop_or_go_on(Node& node);
  void disturb(Node& node);
  void fill_disk();
  void start_again();
  void heal();
  void drain();
  void look();
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  testing::TempDir dir_;
  bool mounted_ = false;
  std::string not_done_;  // which of the troubles cannot be made here, and why
  std::string endpoint_;
  std::string runs_;
  testing::RedisServer redis_{{"--appendonly", "yes", "--appendfsync", "always"}};
  bool redis_frozen_ = false;
  std::unique_ptr<testing::Process> broker_;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<testing::Proxy>> producer_networks_;
  std::vector<std::thread> producers_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::string producer_error_;  // of one of those that failed
  std::atomic<bool> producer_failed_ = false;
  Ledger ledger_;
  std::map<std::string, int> events_;
  Usage begin_, most_, end_;
  Counts counts_;
  std::string wrong_;
};

}  // namespace joinery::chaos
