// Many queues, and many keys, against one.
#include <fmt/format.h>

#include "producer/cli/bench/scenario.h"
#include "producer/cli/human.h"

namespace joinery::cli::bench {
namespace {

double measure(Run& run, const std::string& scenario, const std::string& variant, Pass pass,
               std::size_t frame_jobs) {
  run.start();
  run.start_workers(pass.queues);
  const auto client = run.client(frame_jobs);
  // Every queue and key is there before: what a new one costs is not what is asked.
  Pass first = pass;
  first.jobs = std::max(pass.queues, pass.keys) * pass.batch;
  run.pass(*client, first);
  const Usage before = run.usage(*client);
  const Passed passed = run.pass(*client, pass);
  Json& row = run.row(scenario, variant, pass, passed, *client, before);
  row[scenario] = std::max(pass.queues, pass.keys);
  return row["jobs_per_s"];
}

Pass pass_of(const Run& run, std::uint64_t jobs, std::uint64_t batch) {
  Pass pass;
  pass.jobs = run.flags.jobs.value_or(jobs);
  pass.batch = batch;
  pass.payload = run.flags.payload.value_or(100);
  pass.options.queue = bench_queue;
  return pass;
}

}  // namespace

// A frame holds jobs of one queue, so both passes have frames of as few jobs.
void queues(Run& run) {
  const std::uint64_t number = run.flags.queues.value_or(100'000);
  Pass pass = pass_of(run, 1'600'000, run.flags.batch.value_or(16));
  const double one = measure(run, "queues", "1 queue", pass, pass.batch);
  pass.queues = number;
  const double many = measure(run, "queues", plural(number, "queue"), pass, pass.batch);
  run.report.at_least(fmt::format("{}, of the throughput of one", plural(number, "queue")), many / one, 0.8,
                      "x");
}

void keys(Run& run) {
  const std::uint64_t number = run.flags.keys.value_or(1'000'000);
  Pass pass = pass_of(run, 2'000'000, 1);
  pass.keys = 1;
  const double one = measure(run, "keys", "1 key", pass, 0);
  pass.keys = number;
  const double many = measure(run, "keys", plural(number, "key"), pass, 0);
  run.report.at_least(fmt::format("{}, of the throughput of one", plural(number, "key")), many / one, 0.8,
                      "x");
}

}  // namespace joinery::cli::bench
