// How a Pool or an Executor runs its jobs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "joinery/task.h"
#include "shared/job/job.h"

namespace joinery {

struct PoolOptions {
  // Empty: a queue of the pool's own, and processes of its own that serve it; both end with it. Else that
  // queue and whatever workers serve it (Program::work, joinery::Worker).
  std::string queue = {};

  // --- Of a pool with processes of its own ---
  std::uint32_t processes = 0;  // 0: one per core
  std::uint32_t threads = 1;    // jobs at a time in each, up to 63: for tasks that mostly wait
  std::uint32_t concurrency =
      1;  // in each thread, of tasks that return a Coroutine; with threads at most 1023
  // Runs in each thread of each process before its first job: setup.bind("db.example"). One that throws ends
  // the process; if none can be started, every job fails with start_failed.
  std::optional<BoundTask> initializer = {};
  std::uint32_t maxtasksperchild = 0;  // a process is replaced after so many jobs; 0: never
  // `none`: as in Python, what is under way is in memory; jobs that a restarted broker has forgotten are
  // submitted again. `sync`: on disk before it is run.
  Durability durability = Durability::none;

  // --- Of each job ---
  std::chrono::milliseconds timeout{0};   // its process is killed then: hard_time_limit; 0: none
  std::uint32_t attempts = 1;             // runs of a task that throws
  std::uint32_t crash_attempts = 3;       // runs of a job whose process dies
  std::chrono::seconds result_ttl{3600};  // results that nobody came for are dropped then

  // Chunks that imap has under way or keeps for the consumer; 0: chosen by the number of processes.
  std::size_t window = 0;
};

}  // namespace joinery
