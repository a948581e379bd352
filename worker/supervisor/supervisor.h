// The supervisor of a worker: owns the broker link and the pools of processes, and never runs a handler.
//
//   SupervisorOptions options;
//   config::Options table("joinery-worker", "Runs jobs", "worker.toml");
//   add_options(table, options);
//   if (auto done = table.parse(argc, argv)) return *done;
//   options.builtin = ...;  // whether there are handlers for it
//   return supervise(options);
//
// Threads: supervise() must be called by the main thread before others are started: it blocks the signals
// that it takes, and its children die with the thread that started them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "shared/config/config.h"

namespace joinery::worker {

// A pool of processes of the user's program: table [handler.NAME] of worker.toml.
struct CommandPool {
  std::string name;
  std::vector<std::string> command;
  std::uint32_t processes = 1;
};

struct SupervisorOptions {
  std::string endpoint = "tcp://127.0.0.1:7733";
  std::string name;  // empty: host:pid
  std::vector<std::string> queues{"default"};
  std::vector<std::string> weights;        // as many as queues: they take turns; none: the first goes first
  std::uint32_t processes = 0;             // 0: one per core
  std::uint32_t threads = 1;               // per process of the built-in pool
  std::uint32_t concurrency = 1;           // jobs at a time on each thread, whose handlers wait
  std::uint32_t prefetch = 0;              // jobs held ahead per thread; 0: by how long they run
  std::uint32_t max_jobs_per_process = 0;  // 0: no limit
  config::Bytes memory_limit;              // resident bytes per pool process; 0: no limit
  config::Milliseconds drain_timeout{std::chrono::seconds(30)};
  bool burst = false;
  std::string log_level = "info";
  std::string health_file;     // empty: none
  std::uint32_t ready_fd = 0;  // a line is written to it when the first session begins; 0: none
  bool health = false;         // only look whether the worker that writes health_file is well

  // For the built-in pool's processes, passed on to them (pool_arguments).
  bool allow_exec = false;
  bool noop = false;
  std::vector<std::string> plugins;
  config::Bytes exec_output_max{1U << 20U};

  // Set by the caller: whether this program has handlers of its own, so that the built-in pool is started.
  bool builtin = true;
  std::vector<CommandPool> pools;
};

// The options of joinery-worker: flags, environment and worker.toml fill `options`, which must outlive the
// table.
void add_options(config::Options& table, SupervisorOptions& options);

// As numbers. Error: invalid_config, naming the option.
Result<std::vector<std::uint32_t>> queue_weights(const SupervisorOptions& options);

// The command line of a process of the built-in pool, without the program:
//   --pool-process --threads M --concurrency N [--allow-exec] [--noop] [--exec-output-max BYTES]
//   [--plugin FILE]... [--log-level LEVEL]
// Each value is an argument of its own.
std::vector<std::string> pool_arguments(const SupervisorOptions& options);

// Works until told to stop (SIGTERM, SIGINT; --burst: until nothing is left to do). Returns the exit code.
int supervise(const SupervisorOptions& options);

}  // namespace joinery::worker
