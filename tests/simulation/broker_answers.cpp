// What the broker answers to requests, also to repeated ones: the first answer, of what was put for them.
#include <fmt/format.h>

#include <algorithm>

#include "shared/protocol/value.h"
#include "tests/simulation/broker_node.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

using namespace broker;

namespace {

bool says(const protocol::GroupAccepted& told, const GroupAnswer& answer) {
  if (answer.error) return told.error && told.error->code == answer.error->code;
  return !told.error && told.first == answer.first && told.count == answer.count &&
         told.level == answer.level && told.no_handler == answer.no_handler;
}

}  // namespace

void BrokerNode::told(SessionId to, const protocol::Accepted& accepted) {
  const auto* answer = model_.answer(to, accepted.sequence);
  if (answer == nullptr || answer->second.parked)
    throw Broken(fmt::format("request {} is accepted, and was not yet", accepted.sequence));
  const std::vector<GroupAnswer>& groups = answer->second.groups;
  if (accepted.batch != answer->second.number || !std::ranges::equal(accepted.groups, groups, says))
    throw Broken(fmt::format("request {} is accepted with another answer than it got", accepted.sequence));
  const std::vector<std::size_t>& sizes = submits_[{to, accepted.sequence}];
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].put()) is_of_request(to, accepted.sequence, i, sizes.at(i), groups[i]);
  }
  const auto sync = [](const auto& group) { return !group.error && group.level == Durability::sync; };
  if (std::ranges::any_of(accepted.groups, sync))
    must_be_durable(answer->first, fmt::format("accepted {}", accepted.sequence));
}

// The jobs are those that were sent, whatever the broker has noted of them.
void BrokerNode::is_of_request(SessionId session, std::uint64_t sequence, std::size_t group, std::size_t size,
                               const GroupAnswer& answer) const {
  if (answer.count != size)
    throw Broken(
        fmt::format("request {} has {} jobs, of which {} are accepted", sequence, size, answer.count));
  for (std::size_t i = 0; i < size; ++i) {
    const ModelJob* job = model_.job(answer.first + i);
    if (job == nullptr || !job->payload.starts_with(payload_of(session, sequence, group, i)))
      throw Broken(
          fmt::format("request {} is accepted with job {}, which is another's", sequence, answer.first + i));
  }
}

void BrokerNode::told(SessionId to, const protocol::Reply& reply) {
  const std::string& verb = verbs_[{to, reply.sequence}];
  seen_.verbs.insert(verb);
  const auto* answer = model_.answer(to, reply.sequence);
  if (answer == nullptr) return;  // to a question
  if (!answer->second.groups.empty())
    throw Broken(fmt::format("request {} put jobs, and the answer says nothing of them", reply.sequence));
  must_be_durable(answer->first, fmt::format("the answer to request {}", reply.sequence));
  const auto result = protocol::decode_map(reply.result);
  if (!result) throw Broken("an answer is malformed: " + result.error().message);
  const char* key = verb == "batch.open" ? "batch" : verb == "schedule.run" ? "job" : "number";
  const protocol::Value* named = result->find(key);
  if (named != nullptr && named->as_u64(key).value() != (answer->second.number & UINT32_MAX))
    throw Broken(
        fmt::format("{} (request {}) is answered with another number than it got", verb, reply.sequence));
}

// What was done is not refused when it is asked for again.
void BrokerNode::told(SessionId to, const protocol::ErrorMessage& error) {
  const auto* answer = model_.answer(to, error.sequence);
  const bool of_session = error.error.code == Code::no_session || error.error.field == "sequence";
  if (answer != nullptr && !answer->second.parked && !of_session)
    throw Broken(
        fmt::format("request {} was done, and is refused now: {}", error.sequence, error.error.message));
}

}  // namespace joinery::simulation
