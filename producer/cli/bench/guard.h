// Notices at once when a process of the stack ends by itself, whatever the other threads wait for.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "producer/cli/child.h"

namespace joinery::cli::bench {

class Guard {
 public:
  // `ended` is given what has ended and its wait status, in the guard's thread, and does not return.
  explicit Guard(std::function<void(const std::string& what, int wait_status)> ended);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void watch(const Child& child, const std::string& what);
  // Before it is asked to end. If it has done so by itself, does not return.
  void leave(const Child& child);

 private:
  void run();

  std::function<void(const std::string& what, int wait_status)> ended_;
  unique_fd epoll_;
  unique_fd stop_;
  std::mutex mutex_;
  std::map<pid_t, std::string> watched_;
  std::thread thread_;
};

}  // namespace joinery::cli::bench
