// Writes results with one script per round trip, fenced by their tokens.
#include <fmt/format.h>

#include <memory>

#include "shared/base/check.h"
#include "shared/results/results.h"

namespace joinery::results {
namespace {

// Writes each result unless that of a later delivery is there.
// KEYS[i]        key of a result
// ARGV[2i - 1]   seconds for which it is kept, at least 1
// ARGV[2i]       the result, format 1
// Returns one string with a character for each key: "1" written, "0" refused, because the fence of what is
// there is greater. An equal one is written again: it is the same write, repeated.
//
// The fence is compared in two halves of 32 bits: Lua's numbers are doubles, which do not hold 64 bits, and
// its comparison of strings follows the server's locale.
constexpr redis::Script write_script(R"lua(
local answers = {}
for i, key in ipairs(KEYS) do
  local value = ARGV[2 * i]
  local old = redis.call('GETRANGE', key, 0, 12)
  local late = false
  if #old == 13 then
    local old_epoch, old_attempt = struct.unpack('>I4', old, 5), struct.unpack('>I4', old, 10)
    local epoch, attempt = struct.unpack('>I4', value, 5), struct.unpack('>I4', value, 10)
    late = epoch < old_epoch or (epoch == old_epoch and attempt < old_attempt)
  end
  if not late then
    redis.call('SET', key, value, 'EX', ARGV[2 * i - 1])
  end
  answers[i] = late and '0' or '1'
end
return table.concat(answers)
)lua");

// A script holds up everyone else who uses that Redis: so much at a time.
constexpr std::size_t results_per_script = 1000;
constexpr std::size_t bytes_per_script = 4U << 20U;

using Done = std::function<void(std::size_t index, Result<bool>)>;

// Answers the results [first, first + number).
void answer(const Result<redis::Value>& reply, std::size_t first, std::size_t number, const Done& done) {
  std::optional<Error> error;
  if (!reply) {
    error = reply.error();
  } else if (reply->kind != redis::Value::Kind::text || reply->text.size() != number) {
    error =
        Error{Code::redis_unreachable, fmt::format("Redis did not take the results: {}", reply->text), {}};
  }
  for (std::size_t i = 0; i < number; ++i) {
    error ? done(first + i, std::unexpected(*error)) : done(first + i, reply->text[i] == '1');
  }
}

// Sends as many of the results from `first` on as one script takes; how many they were.
std::size_t write_some(redis::Pipeline& redis, SessionId broker, std::span<const Write> results,
                       std::size_t first, const std::shared_ptr<Done>& done) {
  std::vector<std::string> keys;
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (std::size_t i = first; i < results.size(); ++i) {
    if (keys.size() == results_per_script || bytes >= bytes_per_script) break;
    const Write& write = results[i];
    JOINERY_CHECK(write.ttl_s > 0);
    keys.push_back(key(broker, write.result.token.job));
    texts.push_back(std::to_string(write.ttl_s));
    encode(write.result, texts.emplace_back());
    bytes += texts.back().size();
  }
  const std::size_t number = keys.size();
  redis.eval(
      write_script, std::vector<Bytes>(keys.begin(), keys.end()),
      std::vector<Bytes>(texts.begin(), texts.end()),
      [first, number, done](const Result<redis::Value>& reply) { answer(reply, first, number, *done); });
  return number;
}

}  // namespace

void write(redis::Pipeline& redis, SessionId broker, std::span<const Write> results,
           std::function<void(std::size_t index, Result<bool>)> done) {
  const auto shared = std::make_shared<Done>(std::move(done));
  for (std::size_t first = 0; first < results.size();) {
    first += write_some(redis, broker, results, first, shared);
  }
}

}  // namespace joinery::results
