// What is to be taken away when the program ends before its time: by a signal, or because a process of the
// stack has ended by itself.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace joinery::cli::bench {

class Leftovers {
 public:
  void add(pid_t process);
  void ended(pid_t process);
  void add(const std::string& dir);
  void removed(const std::string& dir);
  // A queue of ours in a broker that is not.
  void add_queue(const std::string& endpoint, const std::string& queue);
  void removed_queue(const std::string& queue);

  // The program ends. Returns to the first thread that says so; to no other, as that one does the rest.
  void begin_end();
  // For whoever would go on to make what has to be taken away: does not return once the program ends.
  void stop_if_ending() const;
  // Kills the processes, empties the queues and removes the directories. After begin_end().
  void take_away();

 private:
  std::atomic<bool> ending_ = false;
  std::mutex mutex_;
  std::set<pid_t> processes_;
  std::set<std::string> dirs_;
  std::map<std::string, std::string> queues_;  // name -> endpoint
};

}  // namespace joinery::cli::bench
