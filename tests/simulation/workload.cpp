#include "tests/simulation/workload.h"

#include <fmt/format.h>

#include <iterator>

#include "shared/protocol/value.h"

namespace joinery::simulation {

using protocol::Value;
using namespace std::chrono_literals;

const std::vector<std::string>& queue_names() {
  static const std::vector<std::string> names{"line",  "urgent", "stack", "mail",
                                              "small", "fair",   "soon",  "loose"};
  return names;
}

std::vector<Limit> declared_limits() {
  return {{.pattern = "two", .concurrency = 2},
          {.pattern = "host:*", .concurrency = 1},
          {.pattern = "slow", .interval_ms = 200},
          {.pattern = "api", .rate = 5, .period_ms = 1000, .burst = 2}};
}

BatchId Workload::some_batch() {
  const auto& batches = model_.batches();
  if (batches.empty()) return 0;
  return std::next(batches.begin(), static_cast<std::ptrdiff_t>(random_.below(batches.size())))->first;
}

JobId Workload::some_job() {
  const auto& jobs = model_.jobs();
  if (jobs.empty()) return 1;
  const auto recent = std::min<std::size_t>(jobs.size(), 40);
  return std::prev(jobs.end(), static_cast<std::ptrdiff_t>(1 + random_.below(recent)))->first;
}

protocol::Submit Workload::submit(SessionId session, std::uint64_t sequence, std::vector<Buffer>& payloads) {
  protocol::Submit submit;
  submit.sequence = sequence;
  submit.park = random_.chance(60);
  if (random_.chance(40)) submit.timeout_ms = random_.below(3000);
  submit.watch = random_.chance(30);
  const auto groups = 1 + random_.below(2);
  payloads.reserve(16);
  for (std::uint64_t g = 0; g < groups; ++g) {
    Group& group = submit.groups.emplace_back();
    group.queue = queue_names()[random_.below(queue_names().size())];
    group.spec.handler = random_.chance(70) ? "a" : "b";
    group.spec.backoff = {.initial_ms = 100, .max_ms = 2000, .list_ms = {}};
    if (random_.chance(10)) group.spec.hard_timeout_ms = 500;
    if (random_.chance(10)) group.spec.result_inline_max = 100;
    if (random_.chance(40)) group.batch = some_batch();
    const auto count = 1 + random_.below(5);
    for (std::uint64_t i = 0; i < count; ++i) {
      Buffer& payload =
          payloads.emplace_back(fmt::format("job {} of request {}.{} of {:x}", i, sequence, g, session.low));
      if (random_.chance(30)) payload.append(random_.below(1500), 'x');
      group.payloads.push_back(payload);
    }
    if (group.queue != "line" && group.queue != "stack" && random_.chance(60)) add_columns(group, count);
    if (group.queue == "urgent") {
      for (std::uint64_t i = 0; i < count; ++i)
        group.columns.priority.push_back(static_cast<std::int64_t>(random_.below(3)));
    }
  }
  return submit;
}

void Workload::add_columns(Group& group, std::size_t count) {
  static const std::vector<std::string> keys{"",     "free", "two", "two/host:x", "host:x",   "host:y",
                                             "slow", "held", "api", "two/api",    "held/slow"};
  static const std::vector<std::string> ordered{"account:1", "account:2"};
  const std::int64_t now_ms = now_.wall.time_since_epoch() / 1ms;
  Columns& columns = group.columns;
  group.spec.ordered = random_.chance(20);
  const auto what = random_.below(6);
  if (what == 4 && !group.spec.ordered && random_.chance(50)) group.spec.after = After::finished;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& from = group.spec.ordered ? ordered : keys;
    columns.key.push_back(from[random_.below(from.size())]);
    if (what == 1 || what == 4) columns.delay_ms.push_back(random_.chance(60) ? random_.below(5000) : 0);
    if (what == 2) columns.run_at_ms.push_back(now_ms + static_cast<std::int64_t>(random_.below(5000)));
    if (what == 3) columns.unique_key.push_back(fmt::format("u{}", random_.below(6)));
    if (what == 4 && !group.spec.ordered) columns.after.push_back({static_cast<std::int64_t>(some_job())});
    if (what == 5)
      columns.expires_at_ms.push_back(
          random_.chance(40) ? now_ms + 1 + static_cast<std::int64_t>(random_.below(20'000)) : 0);
    if (what == 5)
      columns.deadline_ms.push_back(
          random_.chance(20) ? now_ms + static_cast<std::int64_t>(random_.below(20'000)) : 0);
  }
}

protocol::Join Workload::join(std::uint64_t request) {
  protocol::Join join;
  join.request = request;
  const auto what = random_.below(3);
  if (what == 0) join.queue = queue_names()[random_.below(queue_names().size())];
  if (what == 1) join.batch = some_batch();
  if (what == 2 || (what == 1 && join.batch == 0)) join.jobs = {some_job(), some_job()};
  return join;
}

protocol::Watch Workload::watch(std::uint64_t request) {
  return {.request = request, .jobs = {some_job(), some_job()}};
}

protocol::Request Workload::request(std::uint64_t sequence, const std::string& verb, const std::string& key,
                                    std::uint64_t number, Buffer& arguments) {
  Value map = Value::map();
  map.set(key, number);
  arguments = protocol::encode(map);
  return {.sequence = sequence, .verb = verb, .arguments = arguments};
}

protocol::Request Workload::request_of_queue(std::uint64_t sequence, const std::string& verb,
                                             const std::string& queue, Buffer& arguments) {
  Value map = Value::map();
  map.set("queue", queue);
  arguments = protocol::encode(map);
  return {.sequence = sequence, .verb = verb, .arguments = arguments};
}

protocol::Request Workload::request(std::uint64_t sequence, Buffer& arguments) {
  const std::string queue = queue_names()[random_.below(queue_names().size())];
  Value map = Value::map();
  Value jobs = Value::array();
  jobs.push(some_job());
  const auto make = [&](const char* verb) {
    arguments = protocol::encode(map);
    return protocol::Request{.sequence = sequence, .verb = verb, .arguments = arguments};
  };
  const auto of_jobs = [&](const char* verb) {
    map.set("jobs", std::move(jobs));
    return make(verb);
  };
  switch (random_.below(22)) {
    case 0: return request_of_queue(sequence, "queue.pause", queue, arguments);
    case 1:
    case 2: return request_of_queue(sequence, "queue.resume", queue, arguments);
    case 3: return request_of_queue(sequence, "queue.purge", queue, arguments);
    case 4: return of_jobs("job.cancel");
    case 5: return of_jobs("job.retry");
    case 6: return map.set("priority", random_.below(3)), of_jobs("job.update");
    case 7: return map.set("to", queue), of_jobs("job.move");
    case 8: return request_of_queue(sequence, "dead.retry", queue, arguments);
    case 9: return of_jobs("dead.delete");
    case 10: return map.set("queue", queue).set("to", "mail"), make("bulk.move");
    case 11: return map.set("handler", "b").set("queue", queue), make("bulk.cancel");
    case 12:
    case 13:
      return map.set("parent", random_.chance(30) ? some_batch() : 0).set("hold", random_.chance(30)),
             make("batch.open");
    case 14: return request(sequence, "batch.close", "batch", some_batch(), arguments);
    case 15: return request(sequence, "batch.cancel", "batch", some_batch(), arguments);
    case 16: return map.set("pattern", "two").set("concurrency", 1 + random_.below(3)), make("limit.set");
    case 17: return map.set("pattern", "two"), make("limit.delete");
    case 18: return map.set("queue", "small").set("maxsize", 2 + random_.below(6)), make("queue.configure");
    case 19: return make("stats");
    case 20: return request(sequence, "job.explain", "job", some_job(), arguments);
    default: return make("batch.list");
  }
}

}  // namespace joinery::simulation
