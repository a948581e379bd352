// Every name of a key in Redis is a function here. A name begins with the id of the data directory in braces:
// several brokers can share one Redis, and in a cluster the keys of one broker stay together, as scripts that
// take several keys need it.
#include <fmt/format.h>

#include "shared/results/results.h"

namespace joinery::results {

// joinery:{<32 hex digits>}:result:<job>: a string, format.cpp. Expires after the job's result_ttl_s.
std::string key(SessionId broker, JobId job) {
  return fmt::format("joinery:{{{:016x}{:016x}}}:result:{}", broker.high, broker.low, job);
}

// joinery:{<32 hex digits>}:probe: a string without meaning. Expires after a minute.
std::string probe_key(SessionId broker) {
  return fmt::format("joinery:{{{:016x}{:016x}}}:probe", broker.high, broker.low);
}

}  // namespace joinery::results
