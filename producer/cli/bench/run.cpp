#include "producer/cli/bench/run.h"

#include <fmt/format.h>

#include <future>

#include "producer/cli/bench/usage.h"
#include "producer/cli/outcome.h"
#include "producer/cli/waiting.h"

namespace joinery::cli::bench {

Json ask(Client& client, const std::string& verb, const Json& arguments) {
  auto value = from_msgpack(client.request(verb, to_msgpack(arguments)));
  if (!value) throw ClientError(value.error());
  return std::move(*value);
}

Stack& Run::start(bool redis) {
  end();
  StackOptions options{.dir = flags.dir,
                       .running = flags.broker,
                       .durability = flags.durability,
                       .mode = flags.mode,
                       .tcp = flags.tcp,
                       .redis = redis};
  stack_ = std::make_unique<Stack>(std::move(options), leftovers_);
  if (!flags.broker.empty())
    ask(*client(), "queue.configure",
        Json{{"queue", bench_queue}, {"durability", flags.durability}, {"mode", flags.mode}});
  return *stack_;
}

void Run::start_workers(std::uint64_t queues) {
  if (queues == 1) {
    for (std::uint64_t i = 0; i < flags.workers; ++i) stack_->start_worker(flags.processes, {bench_queue});
    return;
  }
  constexpr std::uint64_t of_one_worker = 50'000;
  const std::uint64_t workers = (queues + of_one_worker - 1) / of_one_worker;
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < queues; ++i) {
    names.push_back(fmt::format("{}-{}", bench_queue, i));
    if (names.size() < of_one_worker && i + 1 < queues) continue;
    stack_->start_worker(std::max<std::uint64_t>(1, flags.processes / workers), names);
    names.clear();
  }
}

void Run::end() { stack_.reset(); }

std::unique_ptr<Client> Run::client(std::size_t frame_jobs) const {
  ClientOptions options;
  options.endpoint = stack_->endpoint();
  options.name = "joinery bench";
  options.timeout = std::chrono::minutes(2);
  options.window_jobs = flags.window;
  if (frame_jobs != 0) options.frame_jobs = frame_jobs;
  auto made = std::make_unique<Client>(options);
  made->connect();
  return made;
}

void Run::pause(Client& client) const {
  ask(client, "queue.configure", Json{{"queue", bench_queue}});  // makes it
  ask(client, "queue.pause",
      Json{{"queue", bench_queue}, {"who", "joinery bench"}, {"why", "to start together"}});
}

void Run::resume(Client& client) const { ask(client, "queue.resume", Json{{"queue", bench_queue}}); }

// Latencies come from the client's thread, and are read when it has nothing more to answer.
void Run::submit(Client& client, const Pass& pass, std::uint64_t first, std::uint64_t jobs,
                 Latencies& accepted) const {
  constexpr std::uint64_t sampled = 64;  // of single jobs, each so manieth is timed
  const std::string payload(pass.payload, 'x');
  const std::vector<Bytes> payloads(pass.batch, payload);
  SubmitOptions options = pass.options;
  for (std::uint64_t done = 0; done < jobs; done += pass.batch) {
    const std::uint64_t number = (first + done) / pass.batch;
    if (pass.keys != 0) options.key = keys_[number % pass.keys];
    if (pass.queues > 1) options.queue = fmt::format("{}-{}", pass.options.queue, number % pass.queues);
    std::function<void(Result<JobId>)> answered;
    if (pass.batch > 1 || number % sampled == 0)
      answered = [&accepted, begin = Clock::now()](const Result<JobId>&) {
        accepted.add(Clock::now() - begin);
      };
    if (pass.batch == 1)
      client.submit(pass.handler, payload, options, std::move(answered));
    else
      client.submit_many(pass.handler, std::span(payloads).first(std::min(pass.batch, jobs - done)), options,
                         std::move(answered));
  }
  client.flush();
}

Passed Run::pass(Client& client, const Pass& asked) {
  Passed passed;
  Pass pass = asked;
  if (pass.join && pass.queues > 1) pass.options.batch = client.open_batch("bench");
  std::vector<std::unique_ptr<Client>> more;
  for (std::uint64_t i = 1; i < pass.clients; ++i) more.push_back(this->client());
  std::vector<Latencies> accepted(pass.clients);
  for (std::uint64_t i = keys_.size(); i < pass.keys; ++i) keys_.push_back(fmt::format("host:{}", i));
  watch(pass.jobs, [&] {
    const auto begin = Clock::now();
    {
      const std::uint64_t share = pass.jobs / pass.clients;
      std::vector<std::future<void>> others;
      for (std::uint64_t i = 1; i < pass.clients; ++i)
        others.push_back(std::async(std::launch::async,
                                    [&, i] { submit(*more[i - 1], pass, i * share, share, accepted[i]); }));
      submit(client, pass, 0, pass.jobs - share * (pass.clients - 1), accepted[0]);
      for (std::future<void>& other : others) other.get();
    }
    passed.accepted_s = seconds_since(begin);
    if (pass.options.batch != 0)
      client.join_batch(pass.options.batch);
    else if (pass.join)
      client.join_queue(pass.options.queue);
    passed.seconds = seconds_since(begin);
  });
  for (const Latencies& each : accepted) passed.accepted.add(each);
  return passed;
}

void Run::watch(std::uint64_t jobs, const std::function<void()>& work) {
  if (!out_.watched()) return work();
  const auto tool = client();
  const Counts before = counts_of(member(ask(*tool, "status"), "counts"));
  Bar bar(out_, read_clocks().mono);
  while_waiting(
      [&] {
        work();
        return true;
      },
      milliseconds(300),
      [&] {
        Counts counts = counts_of(member(ask(*tool, "status"), "counts"));
        counts.succeeded -= before.succeeded;
        bar.show({jobs, true, counts}, read_clocks().mono);
      });
}

Usage Run::usage(Client& client) const {
  Usage usage;
  usage.client_s = own_cpu_seconds();
  usage.broker_s = cpu_seconds(stack_->broker());
  for (const pid_t worker : stack_->workers()) {
    usage.supervisor_s += cpu_seconds(worker);
    for (const pid_t process : children_of(worker)) usage.pool_s += cpu_seconds(process);
  }
  const Json stats = ask(client, "stats");
  usage.appended_bytes = number(member(stats, "journal"), "appended_bytes");
  usage.syncs = number(member(stats, "journal"), "syncs");
  return usage;
}

Json& Run::row(const std::string& scenario, const std::string& variant, const Pass& pass,
               const Passed& passed, Client& client, const Usage& before) {
  const Usage after = usage(client);
  const auto jobs = static_cast<double>(pass.jobs);
  Json& row = report.row(scenario, variant);
  row["durability"] = flags.durability;
  row["payload"] = pass.payload;
  row["batch"] = pass.batch;
  row["window"] = flags.window;
  row["clients"] = pass.clients;
  row["workers"] = stack_->workers().size();
  row["processes"] = stack_->workers().empty() ? 0 : flags.processes;
  row["jobs"] = pass.jobs;
  row["seconds"] = passed.seconds;
  row["jobs_per_s"] = jobs / passed.seconds;
  Latencies accepted = passed.accepted;
  if (!accepted.empty()) latencies(row, "accepted", accepted);
  row["client_us"] = (after.client_s - before.client_s) * 1e6 / jobs;
  if (stack_->broker() > 0) {
    row["broker_us"] = (after.broker_s - before.broker_s) * 1e6 / jobs;
    row["broker_rss_bytes"] = resident_bytes(stack_->broker());
  }
  if (!stack_->workers().empty()) {
    row["supervisor_us"] = (after.supervisor_s - before.supervisor_s) * 1e6 / jobs;
    row["pool_us"] = (after.pool_s - before.pool_s) * 1e6 / jobs;
    row["supervisor_rss_bytes"] = resident_bytes(stack_->workers().front());
  }
  row["journal_bytes_per_job"] = static_cast<double>(after.appended_bytes - before.appended_bytes) / jobs;
  row["syncs_per_job"] = static_cast<double>(after.syncs - before.syncs) / jobs;
  return row;
}

void Run::latencies(Json& row, const char* until, Latencies& taken) const {
  row["latency"] = until;
  row["p50_us"] = taken.at(0.5);
  row["p99_us"] = taken.at(0.99);
  row["p999_us"] = taken.at(0.999);
}

const Machine& Run::machine() {
  if (!machine_) {
    machine_ = measure_machine(flags.dir);
    report.machine(*machine_);
  }
  return *machine_;
}

}  // namespace joinery::cli::bench
