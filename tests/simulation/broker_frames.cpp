// What the broker may say to whom, seen on its frames: nothing before it is durable. What it says is looked
// at in broker_answers.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "shared/protocol/codec.h"
#include "tests/simulation/broker_node.h"

namespace joinery::simulation {

using namespace broker;

void BrokerNode::taken(int connection, Bytes frame) {
  const auto message = protocol::decode(frame);
  if (!message) throw Broken("a frame to the broker is malformed: " + message.error().message);
  seen_.messages.insert(message->index());
  if (const auto* hello = std::get_if<protocol::Hello>(&*message)) sessions_[connection] = hello->session;
  const SessionId from = sessions_[connection];
  if (const auto* join = std::get_if<protocol::Join>(&*message)) {
    Asked& asked = joins_[{from, join->request}];
    if (asked.times++ == 0) asked = {network_.now, {join->queue, join->batch, join->jobs}, 1};
  }
  if (const auto* submit = std::get_if<protocol::Submit>(&*message)) {
    std::vector<std::size_t>& sizes = submits_[{from, submit->sequence}];
    sizes.clear();
    for (const Group& group : submit->groups) sizes.push_back(group.payloads.size());
  }
  if (const auto* request = std::get_if<protocol::Request>(&*message))
    verbs_[{from, request->sequence}] = request->verb;
  if (const auto* finish = std::get_if<protocol::Finish>(&*message)) {
    std::vector<Token>& tokens = finishes_[{from, finish->sequence}];
    tokens.clear();
    for (const auto& run : finish->succeeded) {
      for (std::uint32_t i = 0; i < run.count; ++i) tokens.push_back({run.first + i, run.attempt, run.epoch});
    }
    for (const Report& report : finish->reports) tokens.push_back(report.token);
  }
}

void BrokerNode::given(int connection, Bytes frame) {
  const auto session = sessions_.find(connection);
  if (session == sessions_.end()) return;
  const auto message = protocol::decode(frame);
  if (!message) throw Broken("a frame of the broker is malformed: " + message.error().message);
  seen_.messages.insert(message->index());
  std::visit([&](const auto& one) { told(session->second, one); }, *message);
}

void BrokerNode::must_be_durable(Position end, const std::string& what) {
  if (end > life_->journal->durable())
    throw Broken(fmt::format("{} is told before it is durable: it ends at {}, durable is {}", what, end,
                             life_->journal->durable()));
  model_.promised(end);
}

bool BrokerNode::is_sync(JobId id) const {
  const ModelJob* job = model_.job(id);
  return job != nullptr && model_.queues()[job->queue].options.durability == Durability::sync;
}

void BrokerNode::told(SessionId to, const protocol::Acked& acked) {
  for (const Token& token : finishes_[{to, acked.sequence}]) {
    if (std::ranges::find(acked.refused, token) != acked.refused.end()) continue;
    const auto end = model_.ended_by(token);
    if (!end)
      throw Broken(fmt::format("the finish of job {} attempt {} is acknowledged, and nothing was done",
                               token.job, token.attempt));
    if (is_sync(token.job)) must_be_durable(*end, fmt::format("the finish of job {}", token.job));
  }
}

void BrokerNode::told(SessionId, const protocol::Dispatch& dispatch) {
  for (const auto& group : dispatch.groups) {
    for (const auto& one : group.jobs) {
      const ModelJob* job = model_.job(one.job);
      if (job == nullptr) throw Broken(fmt::format("job {} is delivered, and is not there", one.job));
      if (one.payload != job->payload)
        throw Broken(fmt::format("job {} is delivered with another payload", one.job));
      if (is_sync(one.job)) must_be_durable(job->put_end, fmt::format("the delivery of job {}", one.job));
    }
  }
}

void BrokerNode::told(SessionId to, const protocol::Joined& joined) {
  const auto asked = joins_.find({to, joined.request});
  if (asked == joins_.end())
    throw Broken(fmt::format("join {} returns, and nobody asked, or it did before", joined.request));
  const Target& target = asked->second.target;
  if (joined.counts.unfinished() != 0) throw Broken("join returns with unfinished jobs");
  if (target.jobs.empty()) {
    const auto idle = model_.idle_since(target.queue, target.batch, asked->second.at);
    if (!idle)
      throw Broken(fmt::format("join {} of queue '{}' batch {} returns too early", joined.request,
                               target.queue, target.batch));
    model_.check_joined(target.queue, target.batch, asked->second.at, joined.counts);
    const auto loose = [&](const ModelQueue& queue) {
      return queue.name == target.queue && queue.options.durability != Durability::sync;
    };
    if (std::ranges::none_of(model_.queues(), loose))
      must_be_durable(*idle, "the end of what a join waited for");
  }
  for (const JobId id : target.jobs) {
    const ModelJob* job = model_.job(id);
    if (job != nullptr && job->last_end == 0)
      throw Broken(fmt::format("join {} returns before job {} has ended", joined.request, id));
  }
  if (!target.jobs.empty()) model_.check_joined(target.jobs, joined.counts);
  if (--asked->second.times == 0) joins_.erase(asked);
}

void BrokerNode::told(SessionId, const protocol::Outcomes& outcomes) {
  for (const auto& one : outcomes.jobs) {
    const ModelJob* job = model_.job(one.job);
    if (!one.known || job == nullptr) continue;
    if (!job->outcomes.contains(one.outcome))
      throw Broken(fmt::format("job {} is told to have {}, which it has not", one.job, word(one.outcome)));
    if (job->is == ModelJob::Is::ended && is_sync(one.job))
      must_be_durable(job->end, fmt::format("the outcome of job {}", one.job));
  }
}

}  // namespace joinery::simulation
