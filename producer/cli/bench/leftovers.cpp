#include "producer/cli/bench/leftovers.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "producer/cli/bench/guest.h"
#include "producer/client/joinery/client.h"

namespace joinery::cli::bench {

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
void Leftovers::add_queue(const std::string& endpoint, const std::string& queue) {
  const std::lock_guard lock(mutex_);
  queues_[queue] = endpoint;
}
void Leftovers::removed_queue(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  queues_.erase(queue);
}

void Leftovers::begin_end() {
  if (ending_.exchange(true)) stop_if_ending();
}

void Leftovers::stop_if_ending() const {
  while (ending_) ::pause();
}

void Leftovers::take_away() {
  const std::lock_guard lock(mutex_);
  for (const pid_t process : processes_) ::kill(process, SIGKILL);
  for (const auto& [queue, endpoint] : queues_) try {
      empty_queue(endpoint, queue, std::chrono::milliseconds(500));
    } catch (const ClientError&) {  // the broker is gone, too: there is nobody to ask
    }
  std::error_code ignored;
  for (const std::string& dir : dirs_) std::filesystem::remove_all(dir, ignored);
}

}  // namespace joinery::cli::bench
