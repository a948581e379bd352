// joinery bench
#include <fmt/format.h>

#include <algorithm>

#include "producer/cli/bench/failed.h"
#include "producer/cli/bench/scenario.h"
#include "producer/cli/command.h"
#include "producer/cli/interrupt.h"

namespace joinery::cli {
namespace {

using bench::Scenario;

struct BenchFlags : bench::Flags {
  std::vector<std::string> names;
  bool list = false;
};

constexpr const char* examples =
    R"(  joinery bench                              the usual ones, half a minute; `--list` names them
  joinery bench flood single --processes 4 --payload 1000
  joinery bench load --rate 50000 --seconds 30 --dir /mnt/fast
  joinery bench backlog --jobs 1000000 --json
Each starts a broker and a worker of its own on a directory below --dir, whose disk is measured with them, and removes
it. What the machine itself does (fdatasync, a ZeroMQ round trip) is measured in the same run.)";

constexpr Scenario table[] = {
    {"flood", "no-op jobs in bulk, from submit to the end of join", true, true, bench::flood},
    {"single", "the same with one call per job", true, true, bench::single},
    {"put", "no-op jobs in bulk, until all are accepted; no worker", true, true, bench::put},
    {"drain", "a backlog is there when the worker begins", true, true, bench::drain},
    {"idle", "one job at a time: submit to accepted, call to result", true, true, bench::idle},
    {"load", "a constant rate, half of the top: submit to start, from when it was due", true, true,
     bench::load},
    {"rest", "what broker and worker use while there is nothing to do", true, false, bench::rest},
    {"results", "results: none, in Redis, with the outcome", false, false, bench::results},
    {"payloads", "jobs of 1 KB, 10 KB and 1 MB", false, true, bench::payloads},
    {"queues", "100,000 queues against one", false, false, bench::queues},
    {"keys", "a million keys against one", false, true, bench::keys},
    {"limits", "a million keys, each with limits, against none", false, false, bench::limits},
    {"clients", "10,000 clients against one", false, false, bench::clients},
    {"backlog", "ten million jobs wait: memory, throughput beside them, drain", false, false, bench::backlog},
    {"restart", "seconds until a broker with ten million waiting jobs is ready", false, false,
     bench::restart},
};

std::vector<const Scenario*> chosen(const BenchFlags& flags) {
  std::vector<const Scenario*> all;
  const auto names = [](const Scenario& scenario) { return std::string(scenario.name); };
  for (const std::string& name : flags.names) {
    const auto found = std::ranges::find(table, name, names);
    if (found != std::end(table))
      all.push_back(&*found);
    else if (name != "all")
      throw UsageError(fmt::format("SCENARIO: \"{}\" is none; `joinery bench --list` names them", name));
  }
  const bool every = std::ranges::find(flags.names, "all") != flags.names.end();
  if (flags.names.empty() || every) {
    all.clear();
    for (const Scenario& scenario : table)
      if ((every || scenario.usual) && (flags.broker.empty() || scenario.running)) all.push_back(&scenario);
  }
  return all;
}

void check(const BenchFlags& flags, const std::vector<const Scenario*>& scenarios) {
  if (!durability_from_word(flags.durability))
    throw UsageError(fmt::format("--durability: \"{}\" is not sync, interval or none", flags.durability));
  if (!mode_from_word(flags.mode))
    throw UsageError(fmt::format("--mode: \"{}\" is not fifo, lifo or priority", flags.mode));
  check_dir(flags);
  std::vector<std::string_view> names;
  for (const Scenario* scenario : scenarios) names.emplace_back(scenario->name);
  check_used(flags, names);
  if (flags.broker.empty()) return;
  if (flags.tcp) throw UsageError("--tcp: how to talk is said by the endpoint of --broker");
  if (flags.queues) throw UsageError("--broker: has no --queues, as they would stay there");
  for (const Scenario* scenario : scenarios)
    if (!scenario->running)
      throw UsageError(fmt::format("--broker: {} needs a broker of its own", scenario->name));
}

ExitCode list(Output& out) {
  Table shown{{"SCENARIO", "USUAL", "WHAT"}, {}};
  Json all = Json::array();
  for (const Scenario& scenario : table) {
    shown.rows.push_back({scenario.name, scenario.usual ? "yes" : "", scenario.summary});
    all.push_back(Json{{"scenario", scenario.name}, {"usual", scenario.usual}, {"what", scenario.summary}});
  }
  out.json() ? out.value(all) : out.table(shown);
  return ExitCode::success;
}

ExitCode measure(Context& context, const BenchFlags& flags) try {
  if (flags.list) return list(context.out);
  const auto scenarios = chosen(flags);
  check(flags, scenarios);
  bench::Leftovers leftovers;
  Interrupt interrupt([&leftovers] {
    leftovers.begin_end();
    leftovers.take_away();
  });
  bench::Run run(context.out, flags, leftovers);
  run.machine();
  for (const Scenario* scenario : scenarios) {
    if (context.out.watched()) context.out.note(fmt::format("{}: {}", scenario->name, scenario->summary));
    run.report.judge(full_size(flags, scenario->name));
    scenario->run(run);
    run.end();
  }
  run.report.print(context.out);
  return ExitCode::success;
} catch (const bench::Failed& failed) {
  context.out.error(failed.error());
  return failed.exit_code;
}

}  // namespace

Run define_bench(Arguments& arguments) {
  auto flags = std::make_shared<BenchFlags>();
  arguments.positionals("SCENARIO", flags->names, "which ones; `all`: every one; none: the usual ones");
  arguments.flag("--list", flags->list, "name the scenarios");
  arguments.option("--jobs", flags->jobs, "jobs of each pass; else what the scenario needs", 1,
                   1'000'000'000);
  arguments.option("--payload", flags->payload, "bytes per job; else 100", 0, 16U << 20U);
  arguments.option("--batch", flags->batch, "jobs per submission in bulk; else 1024", 1,
                   limits::jobs_per_frame_max);
  arguments.option("--window", flags->window, "jobs that a client has under way", 1, 1U << 30U);
  arguments.option("--clients", flags->clients, "clients that submit at a time", 1, 10'000);
  arguments.option("--workers", flags->workers, "workers that take the jobs", 1, 1000);
  arguments.option("--processes", flags->processes, "pool processes of each", 1, 1024);
  arguments.option("--queues", flags->queues, "flood, single, put: queues in turn", 1, 1'000'000);
  arguments.option("--keys", flags->keys, "flood, single, put: keys in turn", 0, 100'000'000);
  arguments.option("--rate", flags->rate, "load: jobs per second; else half of the top", 1, 100'000'000);
  arguments.option("--seconds", flags->seconds, "load, rest: how long", 1, 86'400);
  arguments.option("--durability", flags->durability, "what accepted means", "sync|interval|none");
  arguments.option("--mode", flags->mode, "order of the queue", "fifo|lifo|priority");
  arguments.option("--dir", flags->dir, "where the journal is for the time being", "DIR");
  arguments.flag("--tcp", flags->tcp, "talk over 127.0.0.1 instead of a unix socket");
  arguments.option("--broker", flags->broker,
                   "measure the broker that listens there, in a queue of its own, with a worker from here",
                   "ENDPOINT");
  arguments.examples(examples);
  return [flags](Context& context) { return measure(context, *flags); };
}

}  // namespace joinery::cli
