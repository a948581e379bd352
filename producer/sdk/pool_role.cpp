// The worker of a pool's own, in its process: a supervisor for one queue, which ends with the pool's process
// and then leaves nothing of the queue behind.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "joinery/client.h"
#include "producer/sdk/private_worker.h"
#include "producer/sdk/roles.h"
#include "shared/base/exit_code.h"
#include "shared/protocol/value.h"
#include "worker/supervisor/supervisor.h"

namespace joinery::sdk {
namespace {

void empty_queue(const WorkerSettings& settings) {
  ClientOptions options;
  options.endpoint = settings.endpoint;
  options.timeout = std::chrono::seconds(2);
  Client client(options);
  sdk::empty_queue(client, settings.queue);
}

}  // namespace

int run_pool(Given given) {
  const auto settings = decode_worker_settings(given.description);
  if (!settings) {
    fmt::print(stderr, "joinery: what the pool's worker was given: {}\n", settings.error().message);
    return static_cast<int>(ExitCode::internal);
  }
  if (!given.descriptors.empty()) leave_report(given.descriptors.front());
  if (settings->initializer) leave_initializer(*settings->initializer);
  worker::SupervisorOptions options;
  options.endpoint = settings->endpoint;
  options.name = fmt::format("{}:{}", settings->queue, ::getpid());
  options.queues = {settings->queue};
  options.processes = settings->processes;
  options.threads = settings->threads;
  options.concurrency = settings->concurrency;
  options.max_jobs_per_process = settings->max_jobs_per_process;
  options.drain_timeout.value = std::chrono::milliseconds(0);
  options.log_level = "warning";
  // Blocked until the supervisor takes it over, so that an end that came early is not lost.
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  signal_at_end(given.owner.get(), SIGTERM);
  const int code = worker::supervise(options);
  pollfd owner{given.owner.get(), POLLIN, 0};
  // One that failed leaves the jobs to the pool, which knows why.
  if (::poll(&owner, 1, 0) > 0) empty_queue(*settings);
  return code;
}

}  // namespace joinery::sdk
