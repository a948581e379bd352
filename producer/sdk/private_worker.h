// The worker of a pool's own: this program, started again as a supervisor, kept running, and stopped. Whether
// it dies is seen at once by its descriptor.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "joinery/client.h"
#include "joinery/task.h"
#include "producer/sdk/self.h"
#include "shared/base/unique_fd.h"

namespace joinery::sdk {

struct WorkerSettings {
  std::string endpoint;
  std::string queue;
  std::uint32_t processes = 0;
  std::uint32_t threads = 1;
  std::uint32_t concurrency = 1;
  std::uint32_t max_jobs_per_process = 0;
  std::optional<BoundTask> initializer;
};

Buffer encode(const WorkerSettings& settings);
Result<WorkerSettings> decode_worker_settings(Bytes raw);

// What the child leaves for its pool processes, and they take: the initializer.
void leave_initializer(const BoundTask& initializer);
std::optional<BoundTask> take_initializer();

// How a pool learns what an initializer threw: memory that it gives its worker, which leaves it for its pool
// processes. The first to fail writes; who gets through strikes out what was written before.
void leave_report(const unique_fd& given);
unique_fd take_report();  // empty: this is no process of a program's own pool
void report_initialized(const unique_fd& report);
// Describes the exception being handled: REQUIRES a catch block around the call.
void report_exception(const unique_fd& report);

// Whether a Program of this process has that handler. Whichever of them calls child() runs the pools of all.
bool is_declared(const std::string& handler);

// A verb on all jobs of a queue, slice by slice.
void request_all(Client& client, const std::string& verb, const std::string& queue);
// Nobody will ask for the jobs of this queue again: what waits is cancelled, dead letters are deleted.
// Nothing happens if there is no broker.
void empty_queue(Client& client, const std::string& queue);

class PrivateWorker {
 public:
  // Starts it. `ended` is called at most once, from a thread of its own, when it has given up: it exited by
  // itself, or was killed again and again. Throws Exception (start_failed).
  PrivateWorker(const WorkerSettings& settings, std::function<void(std::string why)> ended);
  // Stops it: what runs is killed, and it empties the queue. Waits for its end.
  ~PrivateWorker();

 private:
  Result<> start();
  void watch();
  // The one that ended was collected; nullopt: it runs again. Else why not.
  std::optional<std::string> start_again(int status);

  const Buffer description_;
  const std::function<void(std::string)> ended_;
  const unique_fd report_;
  Started child_;
  unique_fd stop_;
  std::chrono::steady_clock::time_point started_at_;
  int early_deaths_ = 0;
  std::thread thread_;
};

}  // namespace joinery::sdk
