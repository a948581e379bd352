#include "producer/cli/bench/guest.h"

#include <fmt/format.h>

#include <random>
#include <thread>

#include "producer/cli/bench/run.h"
#include "producer/cli/outcome.h"

namespace joinery::cli::bench {
namespace {

constexpr auto patience = std::chrono::seconds(5);
constexpr auto emptying_max = std::chrono::seconds(30);

ClientOptions as_tool(const std::string& endpoint) {
  ClientOptions options;
  options.endpoint = endpoint;
  options.name = "joinery bench";
  options.timeout = patience;
  options.tool = true;
  return options;
}

void cancel_all(Client& client, const std::string& queue) {
  Json arguments{{"queue", queue}, {"grace_ms", 0}};
  for (;;) {
    const Json slice = ask(client, "bulk.cancel", arguments);
    if (number(slice, "next") == 0) return;
    arguments["from"] = number(slice, "next");
  }
}

std::uint64_t unfinished(Client& client, const std::string& queue) {
  return counts_of(member(ask(client, "queue.show", Json{{"queue", queue}}), "counts")).unfinished();
}

}  // namespace

std::string new_queue_name() { return fmt::format("bench-{:08x}", std::random_device{}()); }

void require_reachable(const std::string& endpoint) try {
  Client(as_tool(endpoint)).connect();
} catch (const ClientError& error) {
  if (error.code() == Code::invalid_argument) throw UsageError(fmt::format("--broker: {}", error.what()));
  throw ClientError({error.code(), fmt::format("--broker: {}", error.what()), {}});
}

void empty_queue(const std::string& endpoint, const std::string& queue, std::chrono::milliseconds settle) {
  Client client(as_tool(endpoint));
  const auto begin = Clock::now();
  for (auto empty_since = begin;;) {
    if (unfinished(client, queue) != 0) {
      cancel_all(client, queue);
      empty_since = Clock::now();
    }
    if (unfinished(client, queue) == 0 && Clock::now() - empty_since >= settle) break;
    if (Clock::now() - begin > emptying_max)
      throw ClientError({Code::timed_out, fmt::format("jobs are left in queue {}", queue), {}});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ask(client, "queue.forget", Json{{"queue", queue}});
  ask(client, "queue.resume", Json{{"queue", queue}});
}

}  // namespace joinery::cli::bench
