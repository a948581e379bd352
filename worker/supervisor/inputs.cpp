#include "worker/supervisor/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/protocol/codec.h"
#include "shared/protocol/pool.h"
#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"

namespace joinery::worker {
namespace {

constexpr Duration retry_pause = std::chrono::milliseconds(200);
constexpr std::size_t bytes_most = pool::message_max / 2;  // one message takes them to the process

std::vector<JobId> ids_of(Bytes raw) {
  protocol::Reader in(raw);
  std::vector<JobId> ids(in.array("inputs"));
  for (JobId& id : ids) id = in.u64("inputs");
  return in.done() ? ids : std::vector<JobId>{};
}

}  // namespace

// All jobs of a group have inputs, or none has.
bool Inputs::take(const DispatchFrame& frame, const protocol::Dispatch& dispatch, protocol::Dispatch& rest) {
  const auto wants = [](const protocol::DispatchGroup& group) {
    return !group.jobs.empty() && !group.jobs.front().inputs.empty();
  };
  if (std::ranges::none_of(dispatch.groups, wants)) return false;
  for (const protocol::DispatchGroup& group : dispatch.groups) {
    if (!wants(group)) {
      rest.groups.push_back(group);
      continue;
    }
    for (const protocol::DispatchedJob& job : group.jobs) {
      waiting_.push_back({.frame = frame,
                          .queue = group.queue,
                          .spec = group.spec,
                          .token = {job.job, job.attempt, group.epoch},
                          .job = job,
                          .needs = ids_of(job.inputs)});
    }
  }
  unasked_ = true;
  return true;
}

void Inputs::process(Now now, redis::Pipeline* redis, SessionId broker) {
  if (redis != redis_) {
    redis_ = redis;
    ++round_;
    for (Waiting& job : waiting_) job.asked = false;
    unasked_ = !waiting_.empty();
  }
  if (std::exchange(failed_, false)) retry_at_ = now.mono + retry_pause;
  const bool again = now.mono >= retry_at_;
  if (again) retry_at_ = never_mono;
  if (!again && !unasked_) return;
  unasked_ = false;
  std::vector<std::pair<Token, std::vector<JobId>>> asking;
  for (Waiting& job : waiting_) {
    if (!std::exchange(job.asked, true)) asking.emplace_back(job.token, job.needs);
  }
  for (const auto& [token, needs] : asking) {
    if (redis == nullptr || needs.empty()) {
      answered(round_, token, Found(needs.size()));
    } else {
      results::read(*redis, broker, needs, [this, round = round_, token](Result<Found> found) {
        answered(round, token, std::move(found));
      });
    }
  }
}

void Inputs::answered(std::uint64_t round, const Token& token, Result<Found> found) {
  const auto job = std::ranges::find(waiting_, token, &Waiting::token);
  if (round != round_ || job == waiting_.end()) return;
  if (!found && found.error().code == Code::redis_unreachable) {
    job->asked = false;
    failed_ = true;
    return;
  }
  const Waiting taken = std::move(*job);
  waiting_.erase(job);
  found ? pass(taken, *found) : fail(taken, found.error().code, found.error().message);
}

// A job that only comes after the others whatever became of them is given nil where there is no result.
void Inputs::pass(const Waiting& job, const Found& found) {
  const auto spec = protocol::decode_spec(job.spec);
  const bool needs_all = !spec || spec->after == After::succeeded;
  std::size_t bytes = job.job.payload.size();
  auto frame = std::make_shared<Buffer>(job.job.payload);
  protocol::Writer out(*frame);
  out.array(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool there = found[i] && found[i]->outcome == Outcome::succeeded;
    if (!there && needs_all)
      return fail(
          job, Code::no_result,
          fmt::format("the result of job {}, an input of this one, is not kept (any more)", job.needs[i]));
    if (there) {
      bytes += found[i]->value.size();
      out.bin(found[i]->value);
    } else {
      out.nil();
    }
  }
  if (bytes > bytes_most)
    return fail(job, Code::payload_too_large,
                fmt::format("the inputs have {} bytes, more than a message to a process may", bytes));
  const std::size_t payload = job.job.payload.size();
  protocol::DispatchedJob ready = job.job;
  ready.payload = Bytes(*frame).substr(0, payload);
  ready.inputs = Bytes(*frame).substr(payload);
  protocol::Dispatch dispatch;
  dispatch.groups.push_back(
      {.queue = job.queue, .spec = job.spec, .epoch = job.token.epoch, .jobs = {ready}});
  ready_(frame, dispatch);
}

void Inputs::fail(const Waiting& job, Code code, std::string why) {
  Report report;
  report.kind = Report::Kind::rejected;
  report.token = job.token;
  report.failure.code = code;
  report.failure.type = "inputs";
  report.failure.message = std::move(why);
  ended_(own(std::move(report)));
}

void Inputs::revoke(const protocol::Revoke& revoke) {
  for (const Token& token : revoke.tokens) {
    const auto job = std::ranges::find(waiting_, token, &Waiting::token);
    if (job == waiting_.end()) continue;
    Report report;
    report.kind = Report::Kind::cancelled;
    report.token = token;
    waiting_.erase(job);
    ended_(own(std::move(report)));
  }
}

void Inputs::release() {
  for (const Waiting& job : std::exchange(waiting_, {})) {
    protocol::Dispatch dispatch;
    dispatch.groups.push_back(
        {.queue = job.queue, .spec = job.spec, .epoch = job.token.epoch, .jobs = {job.job}});
    ready_(job.frame, dispatch);
  }
}

void Inputs::held_tokens(std::vector<Token>& out) const {
  for (const Waiting& job : waiting_) out.push_back(job.token);
}

}  // namespace joinery::worker
