// What lives on the network of a simulation: it is given a turn whenever something is due.
#pragma once

#include <string>

#include "tests/simulation/clock.h"
#include "tests/simulation/network.h"

namespace joinery::simulation {

class Node {
 public:
  Node(NodeId node, Network& network, std::int64_t clock_ppm)
      : number(node), clock(clock_ppm), network_(network) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // When it next has something to do, if it is not paused.
  virtual Instant due() const = 0;
  virtual void turn() = 0;

  Instant wake() const { return std::max({due(), paused_until, busy_until}); }
  // A turn takes time too.
  void take_turn(Random& random) {
    turn();
    ++turns;
    busy_until = network_.now + random.between(Duration(5), Duration(100));
  }

  const NodeId number;
  NodeClock clock;
  Instant paused_until{};
  Instant busy_until{};
  std::uint64_t turns = 0;  // that it has taken

 protected:
  Now local() const { return clock.at(network_.now); }
  // Objects of the transport that are made now are this node's.
  void settle_here() { here = {&network_, number}; }
  Network& network_;
};

}  // namespace joinery::simulation
