// One simulation: a broker, workers and clients on one network under one time, a schedule that troubles them,
// and at the end peace, in which all that was accepted has to end.
//
//   World world(seed);
//   world.run(schedule(seed, 300));   // throws Broken with the reason
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/broker_node.h"
#include "tests/simulation/client_node.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/worker_node.h"

namespace joinery::simulation {

class World {
 public:
  // `tell`: a line for each step, as it happens.
  explicit World(std::uint64_t seed, std::function<void(const std::string&)> tell = {});

  void run(const std::vector<Step>& steps);
  const BrokerNode::Seen& seen() const { return broker_->seen(); }

 private:
  void begin();
  void step(const Step& step);
  std::string act(StepKind kind, Random& random);
  std::string pause(Random& random);
  std::string jump(Random& random);
  void run_until(Instant instant);
  bool turn_of_next(Instant limit);
  void revive(Random& random, bool all);
  void make_peace();
  void end_batches();
  bool at_rest() const;
  void work_off();
  void take_one_more();
  std::string what_is_left() const;
  void tell(const std::string& line) const;

  std::function<void(const std::string&)> tell_;
  Random random_;
  Network network_;
  Model model_;
  std::unique_ptr<BrokerNode> broker_;
  std::vector<std::unique_ptr<WorkerNode>> workers_;
  std::vector<std::unique_ptr<ClientNode>> clients_;
  std::vector<Node*> nodes_;
  std::uint64_t turns_ = 0;
};

}  // namespace joinery::simulation
