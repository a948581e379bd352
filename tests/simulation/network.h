// The network of a simulation: connections between dealers and one router, each of which keeps its order, is
// slow, and may be cut at any time with what is under way; one side may learn of that much later than the
// other, or not at all. fake_transport.cpp puts it behind shared/transport/transport.h.
//
// What it does not imitate: frames that are too large, endpoints, and connections that come back by
// themselves (all users of a Dealer make a new one for each connection).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "shared/base/bytes.h"
#include "tests/simulation/clock.h"

namespace joinery::simulation {

using NodeId = int;

class Network {
 public:
  explicit Network(std::uint64_t seed) : random_(seed) {}

  Instant now{};
  // Sees each frame that the router's owner takes and gives.
  std::function<void(int connection, Bytes frame)> taken, given;

  // When something arrives at the node for the next time; the past: it lies there already.
  Instant next_arrival(NodeId node) const;
  // Breaks a connection of the node, if it has one; what is under way is lost.
  void cut(NodeId node);
  void set_delay_max(Duration delay) { delay_max_ = delay; }
  // Everybody learns of what is broken, and frames are fast from now on.
  void heal();

  // --- for the fake transport ---
  void bind(NodeId router);
  void unbind();
  int connect(NodeId dealer);
  void leave(int connection);  // the dealer is gone
  bool to_router(int connection, Bytes frame);
  std::optional<bool> to_dealer(int connection, Bytes frame, std::size_t most);  // none: gone; false: full
  bool take_at_router(int& connection, Buffer& frame);
  bool take_at_dealer(int connection, Buffer& frame);
  int take_change(int connection);  // +1 connected, -1 lost, 0 none
  bool take_lost(int& connection);

 private:
  struct Parcel {
    Instant at{};
    Buffer frame;
  };
  struct Connection {
    NodeId dealer = 0;
    bool dealer_is_there = true, router_is_there = false;
    bool told = false;  // the dealer knows that it is connected
    Instant connected_at = never, lost_to_dealer = never, lost_to_router = never;
    bool cut = false;
    std::deque<Parcel> to_router, to_dealer;
  };
  Instant arrival(const std::deque<Parcel>& before, Duration least = Duration(50));
  void lose_some(std::deque<Parcel>& parcels);
  void tell_soon(Instant& lost);
  void tidy();

  Random random_;
  std::map<int, Connection> connections_;
  int next_ = 1;
  std::optional<NodeId> router_;
  Duration delay_max_ = std::chrono::milliseconds(20);
};

// What getrandom gives from now on.
void seed_system(std::uint64_t seed);

// Where objects of the fake transport are made from now on.
struct Here {
  Network* network = nullptr;
  NodeId node = 0;
};
inline Here here;

}  // namespace joinery::simulation
