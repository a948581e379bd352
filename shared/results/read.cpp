// Reads results, many with one MGET.
#include <fmt/format.h>

#include "shared/results/results.h"

namespace joinery::results {
namespace {

constexpr std::size_t results_per_command = 1000;

using Found = std::vector<std::optional<Stored>>;

Result<redis::Value> fetch(redis::Client& redis, std::vector<std::string> keys, bool take) {
  keys.insert(keys.begin(), "MGET");
  if (!take) return redis.command(std::vector<Bytes>(keys.begin(), keys.end()));
  std::vector<std::vector<std::string>> commands(2, std::move(keys));
  commands[1][0] = "UNLINK";
  auto replies = redis.pipeline(commands);
  if (!replies) return std::unexpected(replies.error());
  return std::move(replies->at(0));
}

Result<> add(const Result<redis::Value>& reply, std::span<const JobId> jobs, Found& found) {
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

Result<> read_some(redis::Client& redis, SessionId broker, std::span<const JobId> jobs, bool take,
                   Found& found) {
  std::vector<std::string> keys;
  keys.reserve(jobs.size() + 1);
  for (JobId job : jobs) keys.push_back(key(broker, job));
  return add(fetch(redis, std::move(keys), take), jobs, found);
}

Result<Found> read_all(redis::Client& redis, SessionId broker, std::span<const JobId> jobs, bool take) {
  Found found;
  found.reserve(jobs.size());
  while (!jobs.empty()) {
    const auto some = jobs.first(std::min(jobs.size(), results_per_command));
    if (auto done = read_some(redis, broker, some, take, found); !done) return std::unexpected(done.error());
    jobs = jobs.subspan(some.size());
  }
  return found;
}

}  // namespace

Result<Found> read(redis::Client& redis, SessionId broker, std::span<const JobId> jobs) {
  return read_all(redis, broker, jobs, false);
}

Result<Found> take(redis::Client& redis, SessionId broker, std::span<const JobId> jobs) {
  return read_all(redis, broker, jobs, true);
}

void read(redis::Pipeline& redis, SessionId broker, std::span<const JobId> jobs,
          std::function<void(Result<Found>)> done) {
  std::vector<std::string> texts{"MGET"};
  for (JobId job : jobs) texts.push_back(key(broker, job));
  redis.command(std::vector<Bytes>(texts.begin(), texts.end()),
                [ids = std::vector<JobId>(jobs.begin(), jobs.end()),
                 done = std::move(done)](const Result<redis::Value>& reply) {
                  Found found;
                  auto added = add(reply, ids, found);
                  added ? done(std::move(found)) : done(std::unexpected(added.error()));
                });
}

}  // namespace joinery::results
