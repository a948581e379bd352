// Helpers that wait on what the sockets offer, and never sleep.
#pragma once

#include <gmock/gmock.h>
#include <poll.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "shared/transport/transport.h"

namespace joinery::transport {

// A directory for ipc sockets, gone with the test.
struct TempDir {
  TempDir() {
    char name[] = "/tmp/joinery-transport-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string endpoint() const { return "ipc://" + path + "/s"; }
  std::string path;
};

// Tries whenever one of the descriptors says so, until `done` or a limit that only a failure reaches.
inline bool wait_for(const std::vector<std::vector<int>>& descriptors, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::vector<pollfd> polled;
    for (const auto& list : descriptors) {
      for (int fd : list) polled.push_back({fd, POLLIN, 0});
    }
    ::poll(polled.data(), polled.size(), 5'000);
  }
  return true;
}

struct Received {
  Address from;
  Buffer frame;
  transport::ConnectionNumber connection = -1;
};

inline Received receive(Router& router) {
  Received received;
  EXPECT_TRUE(wait_for({router.descriptors()},
                       [&] { return router.receive(received.from, received.frame, received.connection); }));
  return received;
}

inline Buffer receive(Dealer& dealer) {
  Buffer frame;
  EXPECT_TRUE(wait_for({dealer.descriptors()}, [&] { return dealer.receive(frame); }));
  return frame;
}

inline std::vector<ConnectionNumber> lost(Router& router) {
  std::vector<ConnectionNumber> connections;
  EXPECT_TRUE(wait_for({router.descriptors()}, [&] {
    router.lost(connections);
    Received ignored;
    while (connections.empty() && router.receive(ignored.from, ignored.frame, ignored.connection)) {
    }
    if (connections.empty()) router.lost(connections);
    return !connections.empty();
  }));
  return connections;
}

// Waits for one event: +1 or -1.
inline int change(Dealer& dealer) {
  std::vector<int> events;
  EXPECT_TRUE(wait_for({dealer.descriptors()}, [&] {
    dealer.changes(events);
    Buffer ignored;
    while (events.empty() && dealer.receive(ignored)) {
    }
    return !events.empty();
  }));
  return events.empty() ? 0 : events.front();
}

}  // namespace joinery::transport
