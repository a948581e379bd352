// Every verb of `request`, with arguments that mostly fit. workload_test fails if the broker has one more.
#include <iterator>

#include "shared/protocol/group.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

using protocol::Value;
using namespace std::chrono_literals;

struct Workload::Verb {
  const char* name;
  std::uint64_t weight;
  void (*fill)(Workload& from, Value& map);  // null: it has no arguments
};

Value Workload::some_jobs() {
  Value jobs = Value::array();
  for (auto count = 1 + random_.below(2); count > 0; --count) jobs.push(some_job());
  return jobs;
}

void Workload::add_filter(Value& map) {
  static const std::vector<std::string> keys{"two", "host:x", "slow", "api"};
  static const std::vector<std::string> states{"scheduled", "blocked", "ready", "running", "failed"};
  switch (random_.below(7)) {
    case 0: map.set("queue", some_queue()); break;
    case 1: map.set("handler", random_.chance(50) ? "a" : "b"); break;
    case 2: map.set("state", one_of(states)); break;
    case 3: map.set("error", "made"); break;
    case 4: map.set("batch", some_batch()); break;
    case 5: map.set("key", one_of(keys)); break;
    default: map.set("accepted_before_ms", now_.wall.time_since_epoch() / 1ms - 1000);
  }
  if (random_.chance(20)) map.set("dry_run", true);
}

void Workload::add_schedule(Value& map) {
  Group group;
  group.queue = some_queue();
  group.spec.handler = "a";
  group.payloads.push_back(scheduled_payload);
  Buffer raw;
  protocol::encode_group(group, raw);
  const std::string name = some_schedule();
  map.set("schedule", name).set("group", Value::bin(raw)).set("replace", random_.chance(80));
  map.set("cron", name == "often" ? "@every 1s" : name == "seldom" ? "@every 20s" : "* * * * *");
  map.set("catch_up", word(static_cast<CatchUp>(random_.below(3))));
  map.set("overlap", word(static_cast<Overlap>(random_.below(4))));
  if (random_.chance(20)) map.set("expires_in_ms", 1 + random_.below(5000));
  if (random_.chance(20)) map.set("deadline_in_ms", 1 + random_.below(5000));
}

const std::vector<Workload::Verb>& Workload::verbs() {
  using W = Workload;
  static const auto queue = [](W& from, Value& map) { map.set("queue", from.some_queue()); };
  static const auto job = [](W& from, Value& map) { map.set("job", from.some_job()); };
  static const auto jobs = [](W& from, Value& map) { map.set("jobs", from.some_jobs()); };
  static const auto dead = [](W& from, Value& map) {
    map.set("jobs", Value::Array{from.some_job(ModelJob::Is::dead)});
  };
  static const auto batch = [](W& from, Value& map) { map.set("batch", from.some_batch()); };
  static const auto schedule = [](W& from, Value& map) { map.set("schedule", from.some_schedule()); };
  static const auto filter = [](W& from, Value& map) { from.add_filter(map); };
  static const auto two = [](W&, Value& map) { map.set("pattern", "two"); };
  static const auto queue_or_dead = [](W& from, Value& map) {
    from.random_.chance(50) ? queue(from, map) : dead(from, map);
  };
  static const std::vector<Verb> table{
      {"status", 1, nullptr},
      {"stats", 1, nullptr},
      {"queue.list", 1, nullptr},
      {"queue.show", 1, queue},
      {"queue.configure", 2,
       [](W& from, Value& map) {
         map.set("queue", "small").set("maxsize", 2 + from.random_.below(6));
         if (from.random_.chance(60)) map.set("history_bytes", from.random_.below(3) * 500);
         if (from.random_.chance(30)) map.set("history_age_ms", from.random_.below(3) * 1000);
       }},
      {"queue.pause", 2, queue},
      {"queue.resume", 4, queue},
      {"queue.purge", 1, queue},
      {"queue.forget", 2,
       [](W& from, Value& map) {
         map.set("queue", from.some_queue());
         if (from.random_.chance(60))
           map.set("ended_before_ms", from.now_.wall.time_since_epoch() / 1ms - 1 - from.random_.below(5000));
       }},
      {"job.finished", 1, queue},
      {"job.list", 1, queue},
      {"job.show", 1, job},
      {"job.follow", 4, [](W& from, Value& map) { map.set("job", from.some_job(ModelJob::Is::running)); }},
      {"job.explain", 2, job},
      {"job.retry", 2, dead},
      {"job.cancel", 2, jobs},
      {"job.update", 3,
       [](W& from, Value& map) {
         jobs(from, map);
         from.random_.chance(50) ? map.set("priority", from.random_.below(3))
                                 : map.set("run_at_ms", from.now_.wall.time_since_epoch() / 1ms + 500);
       }},
      {"job.move", 3, [](W& from, Value& map) { jobs(from, map), map.set("to", from.some_queue()); }},
      {"dead.list", 1, queue},
      {"dead.retry", 2, queue_or_dead},
      {"dead.delete", 2, queue_or_dead},
      {"bulk.retry", 2, filter},
      {"bulk.delete", 1, filter},
      {"bulk.cancel", 2, filter},
      {"bulk.move", 2, [](W& from, Value& map) { filter(from, map), map.set("to", from.some_queue()); }},
      {"batch.open", 5,
       [](W& from, Value& map) {
         map.set("parent", from.random_.chance(30) ? from.some_batch() : 0);
         map.set("hold", from.random_.chance(30));
       }},
      {"batch.close", 2, batch},
      {"batch.show", 1, batch},
      {"batch.list", 1, nullptr},
      {"batch.cancel", 2, batch},
      {"limit.set", 2,
       [](W& from, Value& map) { two(from, map), map.set("concurrency", 1 + from.random_.below(3)); }},
      {"limit.list", 1, nullptr},
      {"limit.delete", 2, two},
      {"worker.list", 1, nullptr},
      {"schedule.set", 4, [](W& from, Value& map) { from.add_schedule(map); }},
      {"schedule.list", 1, nullptr},
      {"schedule.show", 1, schedule},
      {"schedule.delete", 1, schedule},
      {"schedule.pause", 1, schedule},
      {"schedule.resume", 2, schedule},
      {"schedule.run", 2, schedule},
  };
  return table;
}

protocol::Request Workload::request(std::uint64_t sequence, Buffer& arguments) {
  static const std::uint64_t all = [] {
    std::uint64_t sum = 0;
    for (const Verb& verb : verbs()) sum += verb.weight;
    return sum;
  }();
  std::uint64_t dice = random_.below(all);
  auto verb = verbs().begin();
  while (dice >= verb->weight) dice -= (verb++)->weight;
  Value map = Value::map();
  if (verb->fill != nullptr) verb->fill(*this, map);
  arguments = protocol::encode(map);
  return {.sequence = sequence, .verb = verb->name, .arguments = arguments};
}

protocol::Request Workload::request(std::uint64_t sequence, const std::string& verb, const std::string& key,
                                    const Value& value, Buffer& arguments) {
  Value map = Value::map();
  map.set(key, value);
  arguments = protocol::encode(map);
  return {.sequence = sequence, .verb = verb, .arguments = arguments};
}

}  // namespace joinery::simulation
