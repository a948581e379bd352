// What clients ask for in a simulation: one frame's worth of anything that the broker can be asked.
#pragma once

#include <string>
#include <vector>

#include "shared/protocol/messages.h"
#include "tests/simulation/model.h"

namespace joinery::simulation {

const std::vector<std::string>& queue_names();
std::vector<Limit> declared_limits();

// Makes requests for one session. What it names (jobs, batches, deliveries) mostly exists.
class Workload {
 public:
  Workload(Random& random, const Model& model, Now now) : random_(random), model_(model), now_(now) {}

  // Payloads are views into `payloads`, and say whose they are.
  protocol::Submit submit(SessionId session, std::uint64_t sequence, std::vector<Buffer>& payloads);
  protocol::Join join(std::uint64_t request);
  protocol::Watch watch(std::uint64_t request);
  // `arguments`: what the request's are a view into.
  protocol::Request request(std::uint64_t sequence, Buffer& arguments);
  static protocol::Request request(std::uint64_t sequence, const std::string& verb, const std::string& key,
                                   std::uint64_t number, Buffer& arguments);
  static protocol::Request request_of_queue(std::uint64_t sequence, const std::string& verb,
                                            const std::string& queue, Buffer& arguments);

 private:
  BatchId some_batch();
  JobId some_job();
  void add_columns(Group& group, std::size_t count);

  Random& random_;
  const Model& model_;
  Now now_;
};

}  // namespace joinery::simulation
