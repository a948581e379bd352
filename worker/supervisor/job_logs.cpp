#include "worker/supervisor/job_logs.h"

#include <algorithm>

namespace joinery::worker {
namespace {

std::size_t size_of(const protocol::LogLine& line) { return 64 + line.level.size() + line.text.size(); }

}  // namespace

void JobLogs::add(const Token& token, protocol::LogLine line) {
  if (std::ranges::find(followed_, token) != followed_.end()) queue(token, line);
  bytes_ += size_of(line);
  kept_.push_back({token, std::move(line)});
  while (kept_.size() > kept_lines || bytes_ > kept_bytes) {
    bytes_ -= size_of(kept_.front().line);
    kept_.pop_front();
  }
}

void JobLogs::follow(const protocol::Follow& follow) {
  for (const Token& token : follow.tokens) {
    const auto known = std::ranges::find(followed_, token);
    if (!follow.on) {
      if (known != followed_.end()) followed_.erase(known);
      std::erase_if(pending_, [&](const Pending& one) { return one.log.token == token; });
      continue;
    }
    if (known != followed_.end()) continue;
    followed_.push_back(token);
    if (followed_.size() > followed_max) followed_.pop_front();
    for (const Said& said : kept_) {
      if (said.token == token) queue(token, said.line);
    }
  }
}

void JobLogs::queue(const Token& token, protocol::LogLine line) {
  auto found = std::ranges::find(pending_, token, [](const Pending& one) { return one.log.token; });
  if (found == pending_.end()) found = pending_.insert(pending_.end(), {{.token = token}, 0});
  if (found->log.lines.size() >= pending_lines || found->bytes >= pending_bytes) {
    ++found->log.dropped;
    return;
  }
  found->bytes += size_of(line);
  found->log.lines.push_back(std::move(line));
}

}  // namespace joinery::worker
