#include "shared/locks/inspect.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <joinery/manager.h>
#include "shared/locks/release_owner.h"
#include "shared/locks/scripts.h"

namespace joinery::locks {
namespace {

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string> fields(std::string_view record) {
  std::vector<std::string> out;
  while (!record.empty()) {
    const auto end = record.find('\n');
    out.emplace_back(record.substr(0, end));
    record.remove_prefix(end == std::string_view::npos ? record.size() : end + 1);
  }
  return out;
}

// id, token, since, owner, process, lease
Party holder(const redis::Value& record, const redis::Value& lease_end, std::int64_t now) {
  auto parts = fields(record.text);
  parts.resize(6);
  return {parts[3], parts[4], static_cast<std::uint64_t>(number(parts[1])), number(parts[2]),
          number(lease_end.text) - now};
}

// until, owner, process, lease
Party waiter(const redis::Value& record, std::int64_t now) {
  auto parts = fields(record.text);
  parts.resize(4);
  return {parts[1], parts[2], 0, 0, number(parts[0]) - now};
}

GateState gate(const redis::Value& entry) {
  GateState out;
  const std::string& name = entry.list.at(0).text;
  const auto colon = name.find(':');
  out.kind = name.substr(0, colon);
  out.name = name.substr(colon + 1);
  const std::int64_t now = entry.list.at(1).integer;
  out.permits = entry.list.at(2).integer;
  const auto& holders = entry.list.at(3).list;
  for (std::size_t i = 0; i + 1 < holders.size(); i += 2) {
    out.holders.push_back(holder(holders[i], holders[i + 1], now));
  }
  for (const auto& record : entry.list.at(4).list) out.waiters.push_back(waiter(record, now));
  return out;
}

Result<std::uint64_t> released(Result<redis::Value> reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind != redis::Value::Kind::integer) {
    return fail(Code::redis_unreachable, "Redis did not release the locks: " + reply->text);
  }
  return static_cast<std::uint64_t>(reply->integer);
}

}  // namespace

Result<std::vector<GateState>> list(redis::Client& redis, std::string_view name_space) {
  const std::string prefix = key_prefix(name_space);
  const auto reply = redis.eval(list_script, std::array<Bytes, 1>{prefix}, {});
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind != redis::Value::Kind::list)
    return fail(Code::redis_unreachable, "Redis answers: " + reply->text);
  std::vector<GateState> out;
  for (const auto& entry : reply->list) out.push_back(gate(entry));
  std::ranges::sort(out, {}, [](const GateState& state) { return std::pair(state.kind, state.name); });
  return out;
}

Result<std::uint64_t> release_owner(redis::Client& redis, std::string_view name_space,
                                    std::string_view owner) {
  const std::string prefix = key_prefix(name_space);
  return released(
      redis.eval(release_owner_script, std::array<Bytes, 1>{prefix}, std::array<Bytes, 1>{owner}));
}

void release_owner(redis::Pipeline& redis, std::string_view name_space, std::string_view owner,
                   std::function<void(Result<std::uint64_t>)> done) {
  const std::string prefix = key_prefix(name_space);
  redis.eval(release_owner_script, std::array<Bytes, 1>{prefix}, std::array<Bytes, 1>{owner},
             [done = std::move(done)](Result<redis::Value> reply) { done(released(std::move(reply))); });
}

}  // namespace joinery::locks
