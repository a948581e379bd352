// Many queues, and many keys, against one; and keys with limits against none.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "producer/cli/bench/scenario.h"
#include "producer/cli/human.h"

namespace joinery::cli::bench {
namespace {

// Every queue and key is there before, and so is the memory for them: what a new one costs is not what is
// asked. Both sides are warmed up alike.
struct Warm {
  std::uint64_t jobs = 0;
  std::chrono::milliseconds rest{0};  // after it
};

double measure(Run& run, const std::string& scenario, const std::string& variant, Pass pass, const Warm& warm,
               std::size_t frame_jobs) {
  const auto client = run.client(frame_jobs);
  Pass first = pass;
  first.jobs = warm.jobs;
  run.pass(*client, first);
  std::this_thread::sleep_for(warm.rest);
  const Usage before = run.usage(*client);
  const Passed passed = run.pass(*client, pass);
  Json& row = run.row(scenario, variant, pass, passed, *client, before);
  row[scenario] = std::max(pass.queues, pass.keys);
  return row["jobs_per_s"];
}

void start(Run& run, const Pass& pass) {
  run.start();
  run.start_workers(pass.queues);
}

Pass pass_of(const Run& run, std::uint64_t jobs, std::uint64_t batch) {
  Pass pass;
  pass.jobs = run.flags.jobs.value_or(jobs);
  pass.batch = batch;
  pass.payload = run.flags.payload.value_or(100);
  return pass;
}

}  // namespace

// A frame holds jobs of one queue, so both passes have frames of as few jobs.
void queues(Run& run) {
  const std::uint64_t number = run.flags.queues.value_or(100'000);
  Pass pass = pass_of(run, 1'600'000, run.flags.batch.value_or(16));
  const Warm warm{.jobs = number * pass.batch};
  start(run, pass);
  const double one = measure(run, "queues", "1 queue", pass, warm, pass.batch);
  pass.queues = number;
  start(run, pass);
  const double many = measure(run, "queues", plural(number, "queue"), pass, warm, pass.batch);
  run.report.at_least(fmt::format("{}, of the throughput of one", plural(number, "queue")), many / one, 0.8,
                      "x");
}

void keys(Run& run) {
  const std::uint64_t number = run.flags.keys.value_or(1'000'000);
  Pass pass = pass_of(run, 2'000'000, 1);
  const Warm warm{.jobs = number};
  pass.keys = 1;
  start(run, pass);
  const double one = measure(run, "keys", "1 key", pass, warm, 0);
  pass.keys = number;
  start(run, pass);
  const double many = measure(run, "keys", plural(number, "key"), pass, warm, 0);
  run.report.at_least(fmt::format("{}, of the throughput of one", plural(number, "key")), many / one, 0.8,
                      "x");
}

// As many jobs as keys, each key at most one at a time and a second apart, so that all are ready; against the
// same jobs without keys. In turn, and the medians, because a pass takes no longer than a machine that others
// use, too, may be slow.
void limits(Run& run) {
  constexpr std::size_t rounds = 3;
  const std::uint64_t number = run.flags.keys.value_or(1'000'000);
  Pass pass = pass_of(run, number, 1);
  pass.jobs = number;
  const Json limit{{"pattern", "host:*"}, {"concurrency", 1}, {"interval_ms", 1000}};
  std::array<std::vector<double>, 2> rates;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const bool limited : {false, true}) {
      pass.keys = limited ? number : 0;
      start(run, pass);
      if (limited) ask(*run.client(), "limit.set", limit);
      const std::string variant = limited ? plural(number, "limited key") : "no keys";
      const Warm warm{.jobs = number, .rest = std::chrono::milliseconds(limited ? 1000 : 0)};
      rates[limited ? 1 : 0].push_back(measure(run, "limits", variant, pass, warm, 0));
    }
  }
  for (std::vector<double>& each : rates) std::ranges::sort(each);
  run.report.at_least(fmt::format("{}, of the throughput without keys", plural(number, "limited key")),
                      rates[1][rounds / 2] / rates[0][rounds / 2], 0.8, "x");
}

}  // namespace joinery::cli::bench
