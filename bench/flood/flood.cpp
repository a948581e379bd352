// The whole system under load: starts the real programs (a broker, a worker with a pool of processes that run
// a handler which does nothing), submits jobs, waits in join, and prints jobs per second from the first
// submit to the end of the join.
//
//   bench/flood [--jobs N] [--batch N] [--payload BYTES] [--processes N] [--durability sync|interval|none]
//   [--single | --keys N] [--queues N] [--workers N] [--json]
//
// --queues N: the same over so many queues (1 to compare with), which get --batch jobs at a time in turn, all
// of one batch that is joined. They are there, and each was used, before the time is taken.
// --keys N: one call per job, with N keys in turn, of each at most one running and at least a second apart.
#include <fmt/format.h>
#include <joinery/client.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/stack.h"

namespace {

struct Options {
  std::uint64_t jobs = 2'000'000;
  std::uint32_t batch = 1024;
  std::uint32_t payload = 100;
  std::uint32_t processes = 2;
  std::string durability = "sync";
  std::string mode = "fifo";
  std::uint32_t keys = 0;
  std::uint32_t queues = 0;
  std::uint32_t workers = 1;
  bool single = false;
  bool json = false;
};

std::string field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return line.substr(line.find_first_not_of(" \t", name.size()));
  }
  return "?";
}

double cpu_seconds(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Seconds so far.
struct Cpu {
  double client = 0, broker = 0, supervisor = 0, pool = 0;
};

Cpu cpu_of(pid_t broker, const std::vector<pid_t>& workers) {
  Cpu cpu{.client = cpu_seconds(::getpid()), .broker = cpu_seconds(broker)};
  for (const pid_t worker : workers) {
    cpu.supervisor += cpu_seconds(worker);
    for (const pid_t child : joinery::testing::children_of(worker)) cpu.pool += cpu_seconds(child);
  }
  return cpu;
}

std::vector<std::string> names_of(const char* prefix, std::uint32_t count) {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < count; ++i) names.push_back(fmt::format("{}{}", prefix, i));
  return names;
}

void submit_all(joinery::Client& client, const Options& options, const std::vector<std::string>& queues,
                joinery::BatchId batch) {
  const std::string payload(options.payload, 'x');
  const std::vector<joinery::Bytes> payloads(options.batch, payload);
  joinery::SubmitOptions submit;
  submit.batch = batch;
  for (std::uint64_t i = 0; i < options.jobs; i += options.batch) {
    submit.queue = queues[i / options.batch % queues.size()];
    for (std::uint64_t j = 0; options.single && j < options.batch; ++j)
      client.submit("noop", payload, submit, [](joinery::Result<joinery::JobId>) {});
    if (!options.single) client.submit_many("noop", payloads, submit);
  }
  client.flush();
}

void submit_with_keys(joinery::Client& client, const Options& options, const std::vector<std::string>& keys) {
  const std::string payload(options.payload, 'x');
  joinery::SubmitOptions submit;
  submit.queue = "flood0";
  for (std::uint64_t i = 0; i < options.jobs; ++i) {
    submit.key = keys[i % options.keys];
    client.submit("noop", payload, submit, [](joinery::Result<joinery::JobId>) {});
  }
  client.flush();
}

// Workers that share the queues, each with its own part of them, and the pool processes.
std::vector<pid_t> start_workers(joinery::testing::Stack& stack, const Options& options,
                                 const std::vector<std::string>& queues) {
  std::vector<pid_t> workers;
  for (std::uint32_t w = 0; w < options.workers; ++w) {
    std::string mine;
    for (std::size_t q = w * queues.size() / options.workers; q < (w + 1) * queues.size() / options.workers;
         ++q)
      mine += fmt::format("{}\"{}\"", mine.empty() ? "" : ", ", queues[q]);
    const std::string file = stack.dir() / fmt::format("worker-{}.toml", w);
    std::ofstream(file) << "queues = [" << mine << "]\n";
    const std::uint32_t processes = std::max(1U, options.processes / options.workers);
    workers.push_back(stack
                          .start_worker({"--config", file, "--processes", std::to_string(processes),
                                         "--plugin", JOINERY_NOOP_PLUGIN})
                          .pid());
  }
  return workers;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("No-op jobs through producer, broker, supervisor and pool processes, and back to join");
  app.add_option("--jobs", options.jobs, "jobs in all")->capture_default_str();
  app.add_option("--batch", options.batch, "jobs per submission")->capture_default_str();
  app.add_option("--payload", options.payload, "bytes per job")->capture_default_str();
  app.add_option("--processes", options.processes, "pool processes")->capture_default_str();
  app.add_option("--durability", options.durability, "sync, interval or none")->capture_default_str();
  app.add_option("--mode", options.mode, "fifo, lifo or priority")->capture_default_str();
  app.add_option("--keys", options.keys, "distinct keys; 0: none")->capture_default_str();
  app.add_option("--queues", options.queues,
                 "queues that get --batch jobs in turn; 0: one, joined as a queue")
      ->capture_default_str();
  app.add_option("--workers", options.workers, "workers, which share the queues")->capture_default_str();
  app.add_flag("--single", options.single, "one call per job instead of bulk");
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);

  joinery::testing::Stack stack(
      {"--redis-url", "none", "--queues-durability", options.durability, "--queues-mode", options.mode});
  const std::vector<std::string> queues = names_of("flood", std::max(1U, options.queues));
  const std::vector<pid_t> workers = start_workers(stack, options, queues);
  if (options.keys != 0) {
    const auto set = stack.joinery({"limit", "set", "host:*", "--concurrency", "1", "--interval", "1s"});
    if (set.status != 0) return fmt::print(stderr, "flood: the limit could not be set: {}\n", set.err), 1;
  }
  joinery::ClientOptions client_options;
  client_options.endpoint = stack.endpoint();
  client_options.timeout = std::chrono::seconds(60);
  joinery::Client client(client_options);
  client.connect();
  const joinery::BatchId warm = client.open_batch("warm");
  submit_all(client, {.jobs = queues.size(), .batch = 1, .single = true}, queues, warm);
  client.join_batch(warm);
  const joinery::BatchId batch = options.queues == 0 ? 0 : client.open_batch("flood");
  const std::vector<std::string> keys = names_of("host:", options.keys);

  const Cpu before = cpu_of(stack.broker().pid(), workers);
  const auto start = std::chrono::steady_clock::now();
  if (options.keys != 0) {
    submit_with_keys(client, options, keys);
  } else {
    submit_all(client, options, queues, batch);
  }
  const double accepted = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const joinery::Counts counts = batch != 0 ? client.join_batch(batch) : client.join_queue(queues[0]);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const double rate = static_cast<double>(options.jobs) / seconds;
  const Cpu after = cpu_of(stack.broker().pid(), workers);
  const auto per_job_us = [&](double Cpu::*part) {
    return (after.*part - before.*part) * 1e6 / static_cast<double>(options.jobs);
  };
  const double client_us = per_job_us(&Cpu::client);
  const double broker_us = per_job_us(&Cpu::broker);
  const double supervisor_us = per_job_us(&Cpu::supervisor);
  const double pool_us = per_job_us(&Cpu::pool);
  const std::string rss = field(fmt::format("/proc/{}/status", stack.broker().pid()), "VmHWM:");
  if (options.json) {
    fmt::print(
        R"({{"scenario":"flood","submit":"{}","keys":{},"queues":{},"workers":{},"durability":"{}","mode":"{}","jobs":{},"batch":{},"payload":{},"processes":{},"seconds":{:.3f},)"
        R"("accepted_s":{:.3f},"jobs_per_s":{:.0f},"succeeded":{},"client_us":{:.3f},"broker_us":{:.3f},"supervisor_us":{:.3f},"pool_us":{:.3f},"broker_peak":"{}"}})"
        "\n",
        options.single || options.keys != 0 ? "single" : "bulk", options.keys, queues.size(), options.workers,
        options.durability, options.mode, options.jobs, options.batch, options.payload, options.processes,
        seconds, accepted, rate, counts.succeeded, client_us, broker_us, supervisor_us, pool_us, rss);
  } else {
    fmt::print(
        "flood: {} {} jobs of {} bytes, {} keys and {} queues, {}, {} processes: {:.2f} s, {:.0f} jobs/s "
        "(accepted "
        "after "
        "{:.2f} s)\n",
        options.jobs, options.single || options.keys != 0 ? "single" : "bulk", options.payload, options.keys,
        queues.size(), options.durability, options.processes, seconds, rate, accepted);
    fmt::print(
        "  CPU per job: client {:.2f} us, broker {:.2f} us, supervisor {:.2f} us, pool processes {:.2f} us; "
        "broker's peak memory {}\n",
        client_us, broker_us, supervisor_us, pool_us, rss);
  }
  return counts.succeeded >= options.jobs ? 0 : 1;
}
