// The whole system under load: starts the real programs (a broker, a worker with a pool of processes that run
// a handler which does nothing), submits jobs, waits in join, and prints jobs per second from the first
// submit to the end of the join.
//
//   bench/flood [--jobs N] [--batch N] [--payload BYTES] [--processes N] [--durability sync|interval|none]
//   [--single | --keys N] [--json]
//
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

void submit_all(joinery::Client& client, const Options& options, const std::vector<std::string>& keys) {
  const std::string payload(options.payload, 'x');
  joinery::SubmitOptions submit;
  submit.queue = "flood";
  if (options.single || options.keys != 0) {
    for (std::uint64_t i = 0; i < options.jobs; ++i) {
      if (options.keys != 0) submit.key = keys[i % options.keys];
      client.submit("noop", payload, submit, [](joinery::Result<joinery::JobId>) {});
    }
  } else {
    const std::vector<joinery::Bytes> payloads(options.batch, payload);
    for (std::uint64_t i = 0; i < options.jobs; i += options.batch)
      client.submit_many("noop", payloads, submit);
  }
  client.flush();
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
  app.add_flag("--single", options.single, "one call per job instead of bulk");
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);

  joinery::testing::Stack stack(
      {"--redis-url", "none", "--queues-durability", options.durability, "--queues-mode", options.mode});
  auto& worker = stack.start_worker({"--processes", std::to_string(options.processes), "--queues", "flood",
                                     "--plugin", JOINERY_NOOP_PLUGIN});
  if (options.keys != 0) {
    const auto set = stack.joinery({"limit", "set", "host:*", "--concurrency", "1", "--interval", "1s"});
    if (set.status != 0) return fmt::print(stderr, "flood: the limit could not be set: {}\n", set.err), 1;
  }
  joinery::ClientOptions client_options;
  client_options.endpoint = stack.endpoint();
  client_options.timeout = std::chrono::seconds(60);
  joinery::Client client(client_options);
  client.connect();
  joinery::SubmitOptions warm;
  warm.queue = "flood";
  client.wait({client.submit("noop", "warm", warm).get()}, std::chrono::seconds(30));

  std::vector<std::string> keys;
  for (std::uint32_t i = 0; i < options.keys; ++i) keys.push_back(fmt::format("host:{}", i));
  const auto start = std::chrono::steady_clock::now();
  submit_all(client, options, keys);
  const double accepted = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const joinery::Counts counts = client.join_queue("flood");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const double rate = static_cast<double>(options.jobs) / seconds;
  const double broker_us = cpu_seconds(stack.broker().pid()) * 1e6 / static_cast<double>(options.jobs);
  const double supervisor_us = cpu_seconds(worker.pid()) * 1e6 / static_cast<double>(options.jobs);
  double pool_us = 0;
  for (pid_t child : joinery::testing::children_of(worker.pid()))
    pool_us += cpu_seconds(child) * 1e6 / static_cast<double>(options.jobs);
  const double client_us = cpu_seconds(::getpid()) * 1e6 / static_cast<double>(options.jobs);
  const std::string rss = field(fmt::format("/proc/{}/status", stack.broker().pid()), "VmHWM:");
  if (options.json) {
    fmt::print(
        R"({{"scenario":"flood","submit":"{}","keys":{},"durability":"{}","mode":"{}","jobs":{},"batch":{},"payload":{},"processes":{},"seconds":{:.3f},)"
        R"("accepted_s":{:.3f},"jobs_per_s":{:.0f},"succeeded":{},"client_us":{:.3f},"broker_us":{:.3f},"supervisor_us":{:.3f},"pool_us":{:.3f},"broker_peak":"{}"}})"
        "\n",
        options.single || options.keys != 0 ? "single" : "bulk", options.keys, options.durability,
        options.mode, options.jobs, options.batch, options.payload, options.processes, seconds, accepted,
        rate, counts.succeeded, client_us, broker_us, supervisor_us, pool_us, rss);
  } else {
    fmt::print(
        "flood: {} {} jobs of {} bytes and {} keys, {}, {} processes: {:.2f} s, {:.0f} jobs/s (accepted "
        "after "
        "{:.2f} s)\n",
        options.jobs, options.single || options.keys != 0 ? "single" : "bulk", options.payload, options.keys,
        options.durability, options.processes, seconds, rate, accepted);
    fmt::print(
        "  CPU per job: client {:.2f} us, broker {:.2f} us, supervisor {:.2f} us, pool processes {:.2f} us; "
        "broker's peak memory {}\n",
        client_us, broker_us, supervisor_us, pool_us, rss);
  }
  return counts.succeeded >= options.jobs ? 0 : 1;
}
