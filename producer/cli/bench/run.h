// One run of `joinery bench`: what was asked for, the measures of the machine, and the passes of jobs that
// the scenarios are made of.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "producer/cli/bench/flags.h"
#include "producer/cli/bench/guard.h"
#include "producer/cli/bench/latencies.h"
#include "producer/cli/bench/report.h"
#include "producer/cli/bench/stack.h"
#include "producer/cli/context.h"
#include "producer/cli/progress.h"

namespace joinery::cli::bench {

// Jobs that are submitted as fast as they are taken.
struct Pass {
  std::uint64_t jobs = 0;
  std::uint64_t batch = 1024;  // 1: one call per job
  std::uint64_t payload = 100;
  std::uint64_t clients = 1;  // each with a connection and a thread of its own
  std::uint64_t queues = 1;   // in turn; one: that of the run
  std::uint64_t keys = 0;     // in turn; 0: none
  bool join = true;           // until all are finished; else until all are accepted
  std::string handler = "noop";
  SubmitOptions options = {};  // without the queue
};

struct Passed {
  double accepted_s = 0;    // until all were accepted
  double seconds = 0;       // until the end
  Latencies accepted = {};  // from a submit to its answer
};

// What broker and worker have used up to a moment.
struct Usage {
  double client_s = 0;
  double broker_s = 0;
  double supervisor_s = 0;
  double pool_s = 0;
  std::uint64_t broker_rss_bytes = 0;
  std::uint64_t appended_bytes = 0;
  std::uint64_t syncs = 0;
};

class Run {
 public:
  Run(Output& out, const Flags& asked, Leftovers& leftovers);
  ~Run();

  // A new broker, without a worker; or the running one.
  Stack& start(bool redis = false);
  Stack& stack() { return *stack_; }
  // The one that the jobs go to, if they go to one.
  const std::string& queue() const { return queue_; }
  // For one queue, or for many; a worker has at most 65,536 of them, so that these may take several.
  void start_workers(std::uint64_t queues = 1);
  // Of the stack; and in a broker that runs on nothing is left.
  void end();
  // Connected. `frame_jobs`: most jobs of a frame; 0: as usual.
  std::unique_ptr<Client> client(std::size_t frame_jobs = 0) const;

  void pause(Client& client) const;  // of the queue
  void resume(Client& client) const;
  Passed pass(Client& client, const Pass& pass);
  // Does `work`, which takes until `jobs` are finished, or only accepted; with a bar meanwhile if a person
  // looks on.
  enum class Until { finished, accepted };
  void watch(std::uint64_t jobs, Until until, const std::function<void()>& work);
  Usage usage(Client& client) const;
  // A row for what was done since `before`.
  Json& row(const std::string& scenario, const std::string& variant, const Pass& pass, const Passed& passed,
            Client& client, const Usage& before);
  void latencies(Json& row, const char* until, Latencies& taken) const;
  // Measured when it is first asked for.
  const Machine& machine();
  // For loops that submit: does not return once the program ends.
  void stop_if_ending() const { leftovers_.stop_if_ending(); }

  const Flags& flags;
  Report report;

 private:
  [[noreturn]] void stack_ended(const std::string& what, int wait_status);
  Counts counts(Client& client) const;
  void submit(Client& client, const Pass& pass, std::uint64_t first, std::uint64_t jobs,
              Latencies& accepted) const;

  Output& out_;
  Leftovers& leftovers_;
  const std::string queue_;
  bool has_queue_ = false;  // in a broker that runs on
  Guard guard_;
  std::unique_ptr<Stack> stack_;
  std::optional<Machine> machine_;
  std::vector<std::string> keys_;  // of the passes so far: to make one is not the client's work
};

Json ask(Client& client, const std::string& verb, const Json& arguments = Json::object());

}  // namespace joinery::cli::bench
