// Results of jobs in Redis: their one format, their keys, and the script that writes them, fenced.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/error.h"
#include "shared/base/time.h"
#include "shared/job/job.h"
#include "shared/redis/redis.h"

namespace joinery::results {

// What a delivery left. How it is stored: format.cpp.
struct Stored {
  Token token;
  Outcome outcome = Outcome::succeeded;  // succeeded or failed
  std::string value;                     // bytes of content_type; beside a failure mostly empty
  std::string content_type;
  Failure failure;  // of a failure
  std::string worker;
  Wall started{};
  Wall finished{};
};

void encode(const Stored& result, Buffer& out);
// Error: wrong_type.
Result<Stored> decode(Bytes raw, JobId job);

// Key of a job's result. `broker` is the id of the data directory, from the welcome.
std::string key(SessionId broker, JobId job);
// Of what the broker writes now and then to see whether Redis takes writes.
std::string probe_key(SessionId broker);

// Writes results, many in one round trip; a write whose fence is smaller than that of what is there is
// refused. `done` is called once per result, in order, from redis.process(): true written, false refused as
// late; or redis_unreachable, after which the caller tries again (at once if the connection was lost: the
// pipeline waits for the next one; after a pause if redis.connected(), because then Redis refused the write,
// for example for want of memory). REQUIRES: ttl_s > 0. `results` need not outlive the call.
struct Write {
  Stored result;
  std::uint32_t ttl_s = 0;
};
void write(redis::Pipeline& redis, SessionId broker, std::span<const Write> results,
           std::function<void(std::size_t index, Result<bool>)> done);

// Reads results, a thousand per round trip. nullopt where there is none. Errors: redis_unreachable,
// wrong_type.
Result<std::vector<std::optional<Stored>>> read(redis::Client& redis, SessionId broker,
                                                std::span<const JobId> jobs);
// The same, and Redis forgets them: for a reader who is the only one.
Result<std::vector<std::optional<Stored>>> take(redis::Client& redis, SessionId broker,
                                                std::span<const JobId> jobs);

// The same, without waiting: `done` is called from redis.process(), once, with redis_unreachable, wrong_type,
// or what was found.
void read(redis::Pipeline& redis, SessionId broker, std::span<const JobId> jobs,
          std::function<void(Result<std::vector<std::optional<Stored>>>)> done);

}  // namespace joinery::results
