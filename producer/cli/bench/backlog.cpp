// Ten million jobs that wait: what they cost, what goes on beside them, and the start on top of them.
#include <fmt/format.h>

#include <csignal>
#include <thread>

#include "producer/cli/bench/scenario.h"
#include "producer/cli/bench/usage.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli::bench {
namespace {

constexpr std::uint64_t waiting_usual = 10'000'000;
constexpr std::uint64_t segment_bytes = 64U << 20U;

Pass pass_of(const Run& run, std::uint64_t jobs) {
  Pass pass;
  pass.jobs = jobs;
  pass.batch = std::min(run.flags.batch.value_or(1024), jobs);
  pass.payload = run.flags.payload.value_or(100);
  return pass;
}

std::uint64_t succeeded(Client& client) {
  return counts_of(member(ask(client, "status"), "counts")).succeeded;
}

// Puts them and leaves them. Bytes of memory for each.
double put_backlog(Run& run, Client& client, std::uint64_t number) {
  Pass pass = pass_of(run, number);
  pass.join = false;
  const Usage before = run.usage(client);
  const Passed passed = run.pass(client, pass);
  return run.row("backlog", "put", pass, passed, client, before)["rss_bytes_per_job"];
}

// As many jobs as are put are finished meanwhile, the oldest first: the backlog stays as long as it is.
double beside(Run& run, Client& client, std::uint64_t jobs) {
  Pass pass = pass_of(run, jobs);
  pass.join = false;
  run.start_workers();
  const Usage before = run.usage(client);
  const std::uint64_t done = succeeded(client);
  Passed passed;
  const auto begin = Clock::now();
  run.resume(client);
  passed.accepted = run.pass(client, pass).accepted;
  while (succeeded(client) < done + jobs) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  passed.seconds = seconds_since(begin);
  Json& row = run.row("backlog", "beside it", pass, passed, client, before);
  const double rate = row["jobs_per_s"];
  run.pause(client);
  run.stack().stop_workers();
  return rate;
}

double without(Run& run, std::uint64_t jobs) {
  const Pass pass = pass_of(run, jobs);
  run.start();
  run.start_workers();
  const auto client = run.client();
  run.pass(*client, pass);
  const Usage before = run.usage(*client);
  const Passed passed = run.pass(*client, pass);
  return run.row("backlog", "empty queue", pass, passed, *client, before)["jobs_per_s"];
}

void drain_backlog(Run& run, Client& client) {
  const Counts counts = counts_of(member(ask(client, "status"), "counts"));
  if (counts.unfinished() == 0) return;
  const Pass pass = pass_of(run, counts.unfinished());
  run.start_workers();
  const Usage before = run.usage(client);
  Passed passed;
  run.watch(pass.jobs, Run::Until::finished, [&] {
    const auto begin = Clock::now();
    run.resume(client);
    client.join_queue(run.queue());
    passed.seconds = seconds_since(begin);
  });
  run.row("backlog", "drain", pass, passed, client, before);
}

// Space comes back a little later than jobs end.
void check_disk(Run& run, Client& client) {
  double disk = 0;
  double allowed = 0;
  for (int i = 0; i < 100 && (i == 0 || disk > allowed); ++i) {
    const Json stats = ask(client, "stats");
    const Json& journal = member(stats, "journal");
    disk = static_cast<double>(number(journal, "disk_bytes"));
    allowed = static_cast<double>(2 * number(journal, "live_bytes") + 2 * segment_bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(i == 0 ? 0 : 50));
  }
  run.report.at_most("disk: twice the live bytes and two segments", disk / 1e6, allowed / 1e6, "MB");
}

}  // namespace

void backlog(Run& run) {
  const std::uint64_t waiting = run.flags.jobs.value_or(waiting_usual);
  const std::uint64_t jobs = std::clamp<std::uint64_t>(waiting / 2, 1, 2'000'000);
  const double empty = without(run, jobs);
  run.start();
  const auto client = run.client();
  run.pause(*client);
  const double each = put_backlog(run, *client, waiting);
  const double full = beside(run, *client, jobs);
  drain_backlog(run, *client);
  check_disk(run, *client);
  const std::string number = count(waiting);
  run.report.at_most(fmt::format("RAM per job, {} waiting", number), each, 100, "bytes");
  run.report.at_least(fmt::format("{} waiting, of the throughput of an empty queue", number), full / empty,
                      0.8, "x");
}

void restart(Run& run) {
  const std::uint64_t waiting = run.flags.jobs.value_or(waiting_usual);
  run.start();
  run.pause(*run.client());
  put_backlog(run, *run.client(), waiting);
  const auto again = [&](int signal, const char* how) {
    const Usage before{.client_s = own_cpu_seconds()};  // the broker is a new process
    const double seconds = run.stack().restart_broker(signal);
    Json& row = run.row("restart", how, pass_of(run, waiting), {.seconds = seconds}, *run.client(), before);
    row["note"] = fmt::format("ready after {:.2f} s", seconds);
    const std::string what = fmt::format("restart with {} waiting, {}", count(waiting), how);
    run.report.at_most(what, seconds, 10, "s");
  };
  again(SIGTERM, "stopped");
  again(SIGKILL, "killed");
}

}  // namespace joinery::cli::bench
