// What clients ask for in a simulation: one frame's worth of anything that the broker can be asked.
#pragma once

#include <string>
#include <vector>

#include "shared/protocol/messages.h"
#include "shared/protocol/value.h"
#include "tests/simulation/model.h"

namespace joinery::simulation {

const std::vector<std::string>& queue_names();
const std::vector<std::string>& schedule_names();
std::vector<Limit> declared_limits();
constexpr std::string_view scheduled_payload = "tick";  // of every job of a schedule
// How the payload of a job begins that was asked for so.
std::string payload_of(SessionId session, std::uint64_t sequence, std::size_t group, std::size_t job);

// Makes requests for one session. What it names (jobs, batches, deliveries) mostly exists.
class Workload {
 public:
  Workload(Random& random, const Model& model, Now now) : random_(random), model_(model), now_(now) {}

  // Payloads are views into `payloads`, and say whose they are. `under`: of a delivery.
  protocol::Submit submit(SessionId session, std::uint64_t sequence, std::vector<Buffer>& payloads,
                          bool under = false);
  protocol::Join join(std::uint64_t request);
  protocol::Watch watch(std::uint64_t request);
  // `arguments`: what the request's are a view into.
  protocol::Request request(std::uint64_t sequence, Buffer& arguments);
  static protocol::Request request(std::uint64_t sequence, const std::string& verb, const std::string& key,
                                   const protocol::Value& value, Buffer& arguments);

 private:
  BatchId some_batch();
  JobId some_job();
  JobId some_job(ModelJob::Is is);
  protocol::Value some_jobs();
  const std::string& some_queue() { return one_of(queue_names()); }
  const std::string& some_schedule() { return one_of(schedule_names()); }
  const std::string& one_of(const std::vector<std::string>& names) {
    return names[random_.below(names.size())];
  }
  void add_columns(Group& group, std::size_t count, bool may_come_after);
  // workload_requests.cpp
  struct Verb;
  static const std::vector<Verb>& verbs();
  void add_filter(protocol::Value& map);
  void add_schedule(protocol::Value& map);

  Random& random_;
  const Model& model_;
  Now now_;
};

}  // namespace joinery::simulation
