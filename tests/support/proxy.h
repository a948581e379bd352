// A network between two programs that a test can cut and heal: passes bytes from a unix socket of its own to
// another one, both ways, in a thread.
//
// What it does not imitate: the time that bytes take, their loss or reordering within a connection (TCP has
// none), and connections that seem alive while nothing passes (freeze() does).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/unique_fd.h"

namespace joinery::testing {

class Proxy {
 public:
  // Both are paths of unix sockets.
  Proxy(std::string listen_path, std::string target_path);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::string endpoint() const { return "ipc://" + listen_path_; }
  // Every connection breaks, and none comes about until heal(). Returns when it is so.
  void cut();
  void heal();
  // Connections stay, and nothing passes until thaw().
  void freeze();
  void thaw();
  // Freezes by itself when so many bytes more have reached the target, of all connections together.
  void freeze_after(std::uint64_t bytes) { left_ = bytes; }
  void wait_until_frozen() const;
  // Bytes that reached the target so far.
  std::uint64_t passed() const { return passed_; }
  // Connections that were passed on so far.
  std::uint64_t connections() const { return connections_; }

 private:
  struct Pair {
    unique_fd near, far;
    std::string to_near, to_far;
  };

  enum class Order { none, pass, cut, freeze, stop };
  void order(Order order);
  void run();
  void turn();
  void accept_one();
  bool pass(Pair& pair);

  const std::string listen_path_, target_path_;
  unique_fd listener_, wake_;
  std::vector<Pair> pairs_;  // the thread's own
  std::atomic<Order> wanted_ = Order::pass, done_ = Order::none;
  std::atomic<std::uint64_t> connections_ = 0, passed_ = 0, left_ = UINT64_MAX;
  std::thread thread_;
};

}  // namespace joinery::testing
