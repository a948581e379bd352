// Reads results, many with one MGET.
#include <fmt/format.h>

#include "shared/results/results.h"

namespace joinery::results {
namespace {

constexpr std::size_t results_per_command = 1000;

using Found = std::vector<std::optional<Stored>>;

Result<> read_some(redis::Client& redis, SessionId broker, std::span<const JobId> jobs, Found& found) {
  std::vector<std::string> keys;
  keys.reserve(jobs.size());
  for (JobId job : jobs) keys.push_back(key(broker, job));
  std::vector<Bytes> words{"MGET"};
  words.insert(words.end(), keys.begin(), keys.end());
  auto reply = redis.command(words);
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind != redis::Value::Kind::list || reply->list.size() != jobs.size()) {
    return fail(Code::redis_unreachable, fmt::format("Redis did not give the results: {}", reply->text));
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const redis::Value& value = reply->list[i];
    if (value.kind != redis::Value::Kind::text) {
      found.push_back(std::nullopt);
      continue;
    }
    auto stored = decode(value.text, jobs[i]);
    if (!stored) return std::unexpected(stored.error());
    found.push_back(std::move(*stored));
  }
  return {};
}

}  // namespace

Result<std::vector<std::optional<Stored>>> read(redis::Client& redis, SessionId broker,
                                                std::span<const JobId> jobs) {
  Found found;
  found.reserve(jobs.size());
  while (!jobs.empty()) {
    const auto some = jobs.first(std::min(jobs.size(), results_per_command));
    if (auto done = read_some(redis, broker, some, found); !done) return std::unexpected(done.error());
    jobs = jobs.subspan(some.size());
  }
  return found;
}

}  // namespace joinery::results
