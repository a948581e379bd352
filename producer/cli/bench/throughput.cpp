// As many jobs as go through: flood, single, put, drain, results, payloads.
#include <fmt/format.h>

#include <algorithm>

#include "producer/cli/bench/scenario.h"
#include "producer/cli/human.h"

namespace joinery::cli::bench {
namespace {

Pass pass_of(const Run& run, std::uint64_t jobs, std::uint64_t batch) {
  const Flags& flags = run.flags;
  Pass pass;
  pass.jobs = flags.jobs.value_or(jobs);
  pass.batch = std::min(flags.batch.value_or(batch), pass.jobs);
  pass.payload = flags.payload.value_or(100);
  pass.clients = flags.clients.value_or(1);
  pass.queues = flags.queues.value_or(1);
  pass.keys = flags.keys.value_or(0);
  return pass;
}

// The first jobs of a stack find cold caches, and processes that still start.
void warm_up(Run& run, Client& client, Pass pass) {
  pass.jobs = std::clamp<std::uint64_t>(pass.jobs / 10, 1, 20'000);
  run.pass(client, pass);
}

// One pass through a worker; returns its row.
Json& through(Run& run, const std::string& scenario, const std::string& variant, const Pass& pass) {
  const auto client = run.client();
  warm_up(run, *client, pass);
  const Usage before = run.usage(*client);
  const Passed passed = run.pass(*client, pass);
  return run.row(scenario, variant, pass, passed, *client, before);
}

}  // namespace

void flood(Run& run) {
  const Pass pass = pass_of(run, 2'000'000, 1024);
  run.start();
  run.start_workers(pass.queues);
  const double rate = through(run, "flood", "", pass)["jobs_per_s"];
  if (run.flags.durability == "sync" && pass.batch > 1)
    run.report.at_least("flood, sync, bulk", rate, 1'000'000, "jobs/s");
}

void single(Run& run) {
  Pass pass = pass_of(run, 1'000'000, 1);
  pass.batch = 1;
  run.start();
  run.start_workers(pass.queues);
  const double rate = through(run, "single", "", pass)["jobs_per_s"];
  run.report.at_least("one call per job", rate, 300'000, "jobs/s");
}

void put(Run& run) {
  Pass pass = pass_of(run, 2'000'000, 1024);
  pass.join = false;
  run.start();
  const auto client = run.client();
  const Usage before = run.usage(*client);
  const Passed passed = run.pass(*client, pass);
  run.row("put", "", pass, passed, *client, before);
}

// The worker is there, and its queue is let go.
void drain(Run& run) {
  Pass pass = pass_of(run, 2'000'000, 1024);
  pass.join = false;
  pass.queues = 1;
  run.start();
  const auto client = run.client();
  run.pause(*client);
  run.pass(*client, pass);
  run.start_workers();
  const Usage before = run.usage(*client);
  Passed passed;
  run.watch(pass.jobs, Run::Until::finished, [&] {
    const auto begin = Clock::now();
    run.resume(*client);
    client->join_queue(run.queue());
    passed.seconds = seconds_since(begin);
  });
  run.row("drain", "", pass, passed, *client, before);
}

void results(Run& run) {
  Pass pass = pass_of(run, 500'000, 1024);
  pass.queues = 1;
  run.start(true);
  run.start_workers();
  const auto measure = [&](const char* variant, const char* handler) {
    pass.handler = handler;
    return through(run, "results", variant, pass)["jobs_per_s"].get<double>();
  };
  measure("none", "clock");
  pass.options.spec.result_ttl_s = 3600;
  measure("in Redis", "clock");
  pass.options.spec.result_ttl_s = 0;
  pass.options.spec.result_inline_max = 1024;
  pass.options.watch = true;
  measure("with the outcome", "clock");
}

// Half a gigabyte of each size; small ones are bound by their number. The disk is looked at before and after,
// because one that others use, too, is now fast and now slow.
void payloads(Run& run) {
  constexpr std::uint64_t bytes = 500'000'000;
  constexpr std::uint64_t large = 1'000'000;
  for (const std::uint64_t size : {std::uint64_t{1000}, std::uint64_t{10'000}, large}) {
    if (run.flags.payload && *run.flags.payload != size) continue;
    Pass pass = pass_of(run, 300'000, 1024);
    pass.queues = 1;
    pass.jobs = std::min(pass.jobs, bytes / size);
    pass.payload = size;
    pass.batch = std::clamp<std::uint64_t>(large / size, 1, pass.batch);
    run.start();
    run.start_workers();
    const double disk = disk_speed(run.flags.dir);
    Json& row = through(run, "payloads", size < large ? fmt::format("{} KB", size / 1000) : "1 MB", pass);
    const double rate = row["jobs_per_s"].get<double>() * static_cast<double>(size);
    row["mb_per_s"] = rate / 1e6;
    const double bare = (disk + disk_speed(run.flags.dir)) / 2;
    row["disk_mb_per_s"] = bare / 1e6;
    if (size == large)
      run.report.at_least("payloads of 1 MB, half of disk or loopback", rate / 1e6,
                          std::min(bare, run.machine().loopback_bytes_per_s) / 2e6, "MB/s");
    run.end();
  }
}

}  // namespace joinery::cli::bench
