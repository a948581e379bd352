#include "broker/server/follow.h"

#include <algorithm>

#include "shared/protocol/codec.h"

namespace joinery::broker::server {
namespace {

using protocol::Value;

constexpr std::size_t line_bytes = 64;  // beside its texts
constexpr std::uint64_t lines_per_answer = 500;

std::size_t size_of(const FollowedLine& line) { return line_bytes + line.level.size() + line.text.size(); }

std::string_view word(FollowedLine::What what) {
  switch (what) {
    case FollowedLine::What::started: return "started";
    case FollowedLine::What::progress: return "progress";
    case FollowedLine::What::log: return "log";
    case FollowedLine::What::ended: return "ended";
  }
  return "?";
}

Value value_of(const FollowedLine& line) {
  Value map = Value::map();
  map.set("at_ms", line.at_ms);
  map.set("attempt", line.attempt);
  map.set("what", word(line.what));
  if (line.what == FollowedLine::What::progress) map.set("fraction", line.fraction);
  if (line.what == FollowedLine::What::log) map.set("level", line.level);
  map.set("text", line.text);
  return map;
}

}  // namespace

void FollowBook::ask(Mono now, Token token, SessionId worker) {
  if (jobs_.size() >= jobs_max && !jobs_.contains(token.job)) {
    jobs_.erase(std::ranges::min_element(jobs_, {}, [](const auto& job) { return job.second.asked_at; }));
  }
  Followed& followed = jobs_[token.job];
  followed.asked_at = now;
  Session* session = worker == SessionId{} ? nullptr : sessions_.find(worker);
  if (session == nullptr || !session->connected || followed.told == token.fence()) return;
  followed.told = token.fence();
  tell(*session, token, true);
}

void FollowBook::tell(Session& worker, Token token, bool on) {
  if (!worker.connected) return;
  frame_.clear();
  protocol::encode(protocol::Message(protocol::Follow{{token}, on}), frame_);
  sessions_.send(worker, frame_);
}

void FollowBook::started(Session& worker, Token token, FollowedLine line) {
  const auto found = jobs_.find(token.job);
  if (found == jobs_.end()) return;
  found->second.told = token.fence();
  tell(worker, token, true);
  add(token.job, std::move(line));
}

void FollowBook::add(JobId job, FollowedLine line) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  Followed& followed = found->second;
  line.number = ++followed.last;
  followed.bytes += size_of(line);
  followed.lines.push_back(std::move(line));
  while (followed.lines.size() > lines_max || followed.bytes > bytes_max) {
    followed.bytes -= size_of(followed.lines.front());
    followed.lines.pop_front();
  }
}

// Of a job that nobody follows any more: its worker need not send them.
void FollowBook::add(Session& worker, const protocol::Log& log) {
  const auto found = jobs_.find(log.token.job);
  if (found == jobs_.end()) return tell(worker, log.token, false);
  found->second.last += log.dropped;
  for (const protocol::LogLine& line : log.lines) {
    add(log.token.job, {.at_ms = line.at_ms,
                        .attempt = log.token.attempt,
                        .what = FollowedLine::What::log,
                        .level = line.level,
                        .text = line.text});
  }
}

Value FollowBook::lines(JobId job, std::uint64_t after) const {
  const Followed& followed = jobs_.at(job);
  auto line = std::ranges::upper_bound(followed.lines, after, {}, &FollowedLine::number);
  Value lines = Value::array();
  std::uint64_t next = after;
  std::uint64_t shown = 0;
  for (; line != followed.lines.end() && shown < lines_per_answer; ++line, ++shown) {
    lines.push(value_of(*line));
    next = line->number;
  }
  const bool more = line != followed.lines.end();
  if (!more) next = followed.last;
  Value map = Value::map();
  map.set("lines", std::move(lines));
  map.set("next", next);
  map.set("more", more);
  map.set("lost", next < after + shown ? 0 : next - after - shown);
  return map;
}

void FollowBook::sweep(Mono now) {
  std::erase_if(jobs_, [now](const auto& job) { return job.second.asked_at + kept < now; });
}

}  // namespace joinery::broker::server
