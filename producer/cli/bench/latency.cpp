// How long a job takes when there is time: idle round trips, half of the top, and nothing at all.
#include <fmt/format.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "producer/cli/bench/scenario.h"
#include "producer/cli/bench/usage.h"

namespace joinery::cli::bench {
namespace {

constexpr std::uint64_t calls_usual = 1000;

SubmitOptions to_queue(const Run& run) {
  SubmitOptions options;
  options.queue = run.queue();
  return options;
}

Pass single_calls(const Run& run, std::uint64_t calls) {
  return {.jobs = calls, .batch = 1, .payload = run.flags.payload.value_or(100)};
}

// Of what was measured beside the jobs, or of other times of the same jobs.
Json& latency_row(Run& run, const std::string& scenario, const std::string& variant, const char* until,
                  std::uint64_t jobs, Latencies& taken) {
  Json& row = run.report.row(scenario, variant);
  row["durability"] = run.flags.durability;
  row["payload"] = run.flags.payload.value_or(100);
  row["processes"] = run.flags.processes;
  row["jobs"] = jobs;
  run.latencies(row, until, taken);
  return row;
}

void accepted_times(Run& run, std::uint64_t calls, const std::string& payload) {
  run.start();
  const auto client = run.client();
  Passed passed;
  Latencies& taken = passed.accepted;
  Syncs syncs(run.flags.dir);  // in turn, because a disk that others use, too, is now fast and now slow
  Usage before = run.usage(*client);
  for (std::uint64_t i = 0; i < calls; ++i) {
    run.stop_if_ending();
    const double own = own_cpu_seconds();
    syncs.once();
    before.client_s += own_cpu_seconds() - own;
    const auto begin = Clock::now();
    client->submit("noop", payload, to_queue(run)).get();
    taken.add(Clock::now() - begin);
    passed.seconds += seconds_since(begin);
  }
  run.row("idle", "submit", single_calls(run, calls), passed, *client, before);
  latency_row(run, "idle", "bare disk", "fdatasync", calls, syncs.taken());
  if (run.flags.durability != "sync" || !run.flags.broker.empty()) return;
  const double bare = syncs.taken().at(0.5) + run.machine().round_trip_us;
  run.report.at_most("idle, submit to accepted: 1.5 x (fdatasync + round trip)", taken.at(0.5), 1.5 * bare,
                     "us");
}

// The queue is `none`, as that of a call is.
void call_times(Run& run, std::uint64_t calls, const std::string& payload) {
  run.start();
  const auto client = run.client();
  ask(*client, "queue.configure", Json{{"queue", run.queue()}, {"durability", "none"}});
  run.start_workers();
  std::binary_semaphore ended(0);
  client->on_outcome([&](const JobOutcome&) { ended.release(); });
  SubmitOptions options = to_queue(run);
  options.watch = true;
  options.spec.result_inline_max = 1024;
  const auto call = [&] {
    run.stop_if_ending();
    client->submit("clock", payload, options, {});
    ended.acquire();
  };
  for (std::uint64_t i = 0; i < calls / 10; ++i) call();
  Passed passed;
  Latencies taken;
  const Usage before = run.usage(*client);
  for (std::uint64_t i = 0; i < calls; ++i) {
    const auto begin = Clock::now();
    call();
    taken.add(Clock::now() - begin);
    passed.seconds += seconds_since(begin);
  }
  client->on_outcome([](const JobOutcome&) {});
  Json& row = run.row("idle", "call", single_calls(run, calls), passed, *client, before);
  row["durability"] = "none";
  run.latencies(row, "result", taken);
  run.report.at_most("idle, call to result on a none queue", taken.at(0.5), 250, "us");
}

// What the handler clock returned. The clock is that of the host.
Clock::time_point began(Bytes result) {
  const auto value = from_msgpack(result);
  return Clock::time_point(Clock::duration(value ? value->get<std::int64_t>() : 0));
}

// Jobs come at a constant rate, whatever becomes of those before them. Each millisecond those that are due,
// if any, are submitted at once; one of them is a probe, whose result says when it began. Its time counts
// from when it was due, so that a producer that is held up hides nothing.
class OpenLoop {
 public:
  OpenLoop(const Run& run, Client& client, double rate)
      : run_(run),
        client_(client),
        rate_(rate),
        ticks_(run.flags.seconds * 1000),
        payload_(run.flags.payload.value_or(100), 'x') {
    probe_.queue = plain_.queue = run.queue();
    probe_.watch = true;
    probe_.spec.result_inline_max = 1024;
  }

  void run() {
    client_.on_outcome([this](const JobOutcome& outcome) { ended(outcome); });
    const auto begin = Clock::now();
    std::uint64_t probes = 0;
    for (std::uint64_t tick = 0; tick < ticks_; ++tick) {
      const auto due = begin + std::chrono::milliseconds(tick);
      std::this_thread::sleep_until(due);
      woken_.add(Clock::now() - due);
      run_.stop_if_ending();
      const auto wanted = static_cast<std::uint64_t>(rate_ * static_cast<double>(tick + 1) / 1000);
      if (wanted == jobs_) continue;
      submit(due, wanted - jobs_);
      jobs_ = wanted;
      ++probes;
    }
    client_.flush();
    client_.join_queue(plain_.queue);
    seconds_ = seconds_since(begin);
    while (probes_ended_.load() < probes) std::this_thread::yield();  // outcomes come before long
    client_.on_outcome([](const JobOutcome&) {});
  }

  Latencies& accepted() { return accepted_; }
  Latencies& started() { return started_; }
  Latencies& woken() { return woken_; }
  std::uint64_t jobs() const { return jobs_; }
  double seconds() const { return seconds_; }

 private:
  void submit(Clock::time_point due, std::uint64_t jobs) {
    if (jobs > 1) {
      const std::vector<Bytes> payloads(jobs - 1, payload_);
      client_.submit_many("noop", std::span(payloads), plain_, {});
    }
    client_.submit("clock", payload_, probe_, [this, due](const Result<JobId>& job) {
      accepted_.add(Clock::now() - due);
      if (job) due_of_[*job] = due;
    });
  }

  // In the client's thread, as are the answers.
  void ended(const JobOutcome& outcome) {
    const auto due = due_of_.find(outcome.job);
    if (due == due_of_.end()) return;
    if (outcome.result) started_.add(began(*outcome.result) - due->second);
    due_of_.erase(due);
    ++probes_ended_;
  }

  const Run& run_;
  Client& client_;
  const double rate_;
  const std::uint64_t ticks_;
  const std::string payload_;
  SubmitOptions plain_;
  SubmitOptions probe_;
  Latencies accepted_;
  Latencies started_;
  Latencies woken_;  // how late the producer itself was, each millisecond
  std::unordered_map<JobId, Clock::time_point> due_of_;
  std::atomic<std::uint64_t> probes_ended_ = 0;
  std::uint64_t jobs_ = 0;
  double seconds_ = 0;
};

double top_rate(Run& run, Client& client) {
  Pass pass;
  pass.jobs = 1'000'000;
  pass.payload = run.flags.payload.value_or(100);
  run.pass(client, pass);
  return static_cast<double>(pass.jobs) / run.pass(client, pass).seconds;
}

double cpu_of_workers(const Stack& stack) {
  double sum = 0;
  for (const pid_t worker : stack.workers()) {
    sum += cpu_seconds(worker);
    for (const pid_t process : children_of(worker)) sum += cpu_seconds(process);
  }
  return sum;
}

}  // namespace

void idle(Run& run) {
  const std::uint64_t calls = run.flags.jobs.value_or(calls_usual);
  const std::string payload(run.flags.payload.value_or(100), 'x');
  accepted_times(run, calls, payload);
  call_times(run, calls, payload);
}

void load(Run& run) {
  run.start();
  run.start_workers();
  const auto client = run.client();
  const double rate = run.flags.rate ? static_cast<double>(*run.flags.rate) : top_rate(run, *client) / 2;
  const Usage before = run.usage(*client);
  OpenLoop loop(run, *client, rate);
  const auto jobs = static_cast<std::uint64_t>(rate * static_cast<double>(run.flags.seconds));
  run.watch(jobs, Run::Until::finished, [&] { loop.run(); });
  Pass pass;
  pass.jobs = loop.jobs();
  pass.batch = std::max<std::uint64_t>(1, loop.jobs() / (run.flags.seconds * 1000));
  pass.payload = run.flags.payload.value_or(100);
  Passed passed;
  passed.seconds = loop.seconds();
  const std::string variant = fmt::format("{:.0f} jobs/s", rate);
  run.latencies(run.row("load", variant, pass, passed, *client, before), "start", loop.started());
  latency_row(run, "load", variant, "accepted", loop.jobs(), loop.accepted());
  latency_row(run, "load", "bare sleep", "wake up", loop.jobs(), loop.woken());
  if (run.flags.rate || run.flags.durability != "sync" || !run.flags.broker.empty()) return;
  run.report.at_most("half of the top, p99 to start: 3 x fdatasync + 2 ms", loop.started().at(0.99),
                     3 * run.machine().fdatasync_us + 2000, "us");
}

void rest(Run& run) {
  run.start();
  run.start_workers();
  {
    const auto client = run.client();  // some work first, so that nothing is still being set up
    client->submit_many("noop", std::vector<Bytes>(1000, "x"), to_queue(run)).get();
    client->join_queue(run.queue());
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double broker = cpu_seconds(run.stack().broker());
  const double worker = cpu_of_workers(run.stack());
  std::this_thread::sleep_for(std::chrono::seconds(run.flags.seconds));
  const auto percent = [&](double used) { return used * 100 / static_cast<double>(run.flags.seconds); };
  const double broker_percent = percent(cpu_seconds(run.stack().broker()) - broker);
  const double worker_percent = percent(cpu_of_workers(run.stack()) - worker);
  Json& row = run.report.row("rest", fmt::format("{} s", run.flags.seconds));
  row["durability"] = run.flags.durability;
  row["workers"] = run.flags.workers;
  row["processes"] = run.flags.processes;
  row["broker_cpu_percent"] = broker_percent;
  row["worker_cpu_percent"] = worker_percent;
  row["note"] = fmt::format("of a core: broker {:.3f} %, worker {:.3f} %", broker_percent, worker_percent);
  run.report.at_most("idle broker", broker_percent, 0.5, "% of a core");
  run.report.at_most("idle worker", worker_percent, 0.5, "% of a core");
}

}  // namespace joinery::cli::bench
