// A flow is a frame of its own, with a group for each of its jobs; the outbox has no part in it.
#include <fmt/format.h>

#include "producer/client/impl.h"

namespace joinery {
namespace {

Result<Group> group_of(std::span<const FlowPart> parts, std::size_t i, std::size_t payload_max) {
  const FlowPart& part = parts[i];
  const Bytes payload = part.payload;
  Result<Group> group = client::group_of(part.handler, {&payload, 1}, part.options);
  if (!group) return group;
  for (const std::size_t first : part.after) {
    if (first >= i)
      return fail(Code::invalid_argument, fmt::format("after names part {}, expected one before it", first),
                  "columns.after");
    if (group->columns.after.empty()) group->columns.after.emplace_back();
    group->columns.after.front().push_back(-static_cast<std::int64_t>(first) - 1);
  }
  if (const auto valid = validate(*group, payload_max); !valid) return std::unexpected(valid.error());
  return group;
}

Result<protocol::Submit> message_of(const std::string& name, std::span<const FlowPart> parts,
                                    std::size_t payload_max) {
  if (parts.empty() || parts.size() > limits::jobs_per_frame_max)
    return fail(Code::invalid_argument,
                fmt::format("a flow has 1 to {} jobs, not {}", limits::jobs_per_frame_max, parts.size()),
                "groups");
  protocol::Submit submit;
  submit.flow = name;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Result<Group> group = group_of(parts, i, payload_max);
    if (!group) {
      group.error().field = fmt::format("groups[{}].{}", i, group.error().field);
      return std::unexpected(std::move(group.error()));
    }
    submit.watch = submit.watch || parts[i].options.watch;
    submit.groups.push_back(std::move(*group));
  }
  return submit;
}

Result<SubmittedFlow> flow_of(const Result<const protocol::Message*>& answer, std::size_t parts) {
  if (!answer) return std::unexpected(answer.error());
  const auto* accepted = std::get_if<protocol::Accepted>(*answer);
  if (accepted == nullptr || accepted->groups.size() != parts)
    return fail(Code::internal, "the broker answered a flow with something else");
  SubmittedFlow flow{.batch = accepted->batch, .jobs = {}};
  for (const protocol::GroupAccepted& group : accepted->groups) flow.jobs.push_back(group.first);
  return flow;
}

}  // namespace

SubmittedFlow Client::Impl::submit_flow(const std::string& name, std::span<const FlowPart> parts) {
  Result<protocol::Submit> submit = message_of(name, parts, last_welcome().payload_max);
  if (!submit) throw ClientError(submit.error());
  const bool watched = submit->watch;
  return call<SubmittedFlow>([this, &submit, parts, watched](Now now, Reply<SubmittedFlow> reply) {
    send_frames(now, true);  // what it comes after was submitted before
    session_.ask(
        now, client::Session::Kind::changing, std::nullopt,
        [&submit](std::uint64_t sequence, std::uint64_t confirmed) -> protocol::Message {
          submit->sequence = sequence;
          submit->confirmed = confirmed;
          return std::move(*submit);
        },
        [this, reply = std::move(reply), number = parts.size(),
         watched](const Result<const protocol::Message*>& answer) mutable {
          Result<SubmittedFlow> flow = flow_of(answer, number);
          for (std::size_t i = 0; watched && flow && i < number; ++i)
            watches_.submitted(flow->jobs[i], 1, true);  // an earlier connection may have been told
          reply.set_value(std::move(flow));
        });
  });
}

}  // namespace joinery
