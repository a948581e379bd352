// What is done to the programs of a chaos run.
#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "shared/base/exit_code.h"
#include "tests/chaos/world.h"
#include "tests/support/process_usage.h"

namespace joinery::chaos {

void World::trouble() {
  if (!broker_->running()) return start_again();
  Node& node = nodes_[below(nodes_.size())];
  switch (below(17)) {
    case 0: return kill_broker();
    case 1:
    case 2: return kill_worker(node);
    case 3:
    case 4:
    case 5: return kill_pool_process(node);
    case 6:
    case 7:
    case 8: return stop_or_go_on(node);
    case 9:
      ++events_["Redis restarted"];
      if (std::exchange(redis_frozen_, false)) redis_.thaw();
      redis_.kill();
      return redis_.start();
    case 10:
      ++events_["Redis silent"];
      redis_frozen_ ? redis_.thaw() : redis_.freeze();
      redis_frozen_ = !redis_frozen_;
      return;
    case 11: {
      ++events_["producer cut off"];
      testing::Proxy& network = *producer_networks_[below(producer_networks_.size())];
      network.cut();
      return network.heal();
    }
    case 12: return fill_disk();
    default: return disturb(node);
  }
}

// Someone else takes what is left of the disk, until the next time.
void World::fill_disk() {
  const std::string hog = dir_ / "disk/hog";
  if (!mounted_ || std::filesystem::remove(hog)) return;
  ++events_["disk full"];
  std::ofstream file(hog, std::ios::binary);
  const std::string block(std::size_t{1} << 20U, 'h');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

// Whoever eats the broker's reserve stops it, with its own exit code; as a user would, then.
void World::start_again() {
  const int status = broker_->wait();
  if (status != static_cast<int>(ExitCode::disk_full)) {
    wrong_ = fmt::format("the broker ended with {}: {}", status, broker_->err());
    return;
  }
  ++events_["broker stopped for lack of room"];
  std::filesystem::remove(dir_ / "disk/hog");
  start_broker();
}

void World::kill_broker() {
  ++events_["broker killed"];
  broker_->signal(SIGKILL);
  broker_->wait();
  std::filesystem::remove(dir_ / "disk/hog");
  start_broker();
}

void World::kill_worker(Node& node) {
  ++events_["worker killed"];
  node.process->signal(SIGKILL);
  node.process->wait();
  node.stopped.clear();
  start_worker(node);
}

void World::kill_pool_process(Node& node) {
  const auto pool = testing::children_of(node.process->pid());
  if (pool.empty() || !node.stopped.empty()) return;
  ++events_["pool process killed"];
  ::kill(pool[below(pool.size())], SIGKILL);
}

// Whether it is past its lease by then is chance.
void World::stop_or_go_on(Node& node) {
  if (node.stopped.empty()) {
    ++events_["worker stopped"];
    node.stopped = testing::family_of(node.process->pid());
    for (const pid_t process : node.stopped) ::kill(process, SIGSTOP);
  } else {
    for (const pid_t process : std::exchange(node.stopped, {})) ::kill(process, SIGCONT);
  }
}

void World::disturb(Node& node) {
  ++events_["network cut, frozen or healed"];
  switch (below(4)) {
    case 0: return node.network->cut();
    case 1: return node.network->freeze();
    default: return node.network->heal();
  }
}

void World::heal() {
  std::error_code ignored;
  std::filesystem::remove(dir_ / "disk/hog", ignored);
  if (broker_ && !broker_->running()) start_again();
  if (std::exchange(redis_frozen_, false)) redis_.thaw();
  for (Node& node : nodes_) {
    if (node.network) node.network->heal();
    for (const pid_t process : std::exchange(node.stopped, {})) ::kill(process, SIGCONT);
  }
  for (const auto& network : producer_networks_) network->heal();
}

}  // namespace joinery::chaos
