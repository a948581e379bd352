#include "producer/cli/bench/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <future>

#include "producer/cli/bench/guest.h"
#include "producer/cli/bench/usage.h"
#include "producer/cli/outcome.h"
#include "producer/cli/waiting.h"

namespace joinery::cli::bench {

Json ask(Client& client, const std::string& verb, const Json& arguments) {
  auto value = from_msgpack(client.request(verb, to_msgpack(arguments)));
  if (!value) throw ClientError(value.error());
  return std::move(*value);
}

Run::Run(Output& out, const Flags& asked, Leftovers& leftovers)
    : flags(asked),
      out_(out),
      leftovers_(leftovers),
      queue_(asked.broker.empty() ? "bench" : new_queue_name()),
      guard_([this](const std::string& what, int wait_status) { stack_ended(what, wait_status); }) {
  if (!flags.broker.empty()) require_reachable(flags.broker);
}

Run::~Run() {
  try {
    end();
  } catch (const ClientError& error) {
    out_.note(error.what());
  }
}

// In the guard's thread: the others may wait for ever for what has ended.
void Run::stack_ended(const std::string& what, int wait_status) {
  leftovers_.begin_end();
  if (out_.watched()) fmt::print(stderr, "\n");  // below the bar
  const bool broker = what == "broker";
  out_.error({broker ? Code::broker_unreachable : Code::worker_lost,
              fmt::format("the {} {} in the middle of the run; what it said is above", what,
                          describe_end(wait_status)),
              {}});
  leftovers_.take_away();
  ::_exit(static_cast<int>(exit_code_of(wait_status, broker ? ExitCode::unreachable : ExitCode::failure)));
}

Stack& Run::start(bool redis) {
  end();
  StackOptions options{.dir = flags.dir,
                       .running = flags.broker,
                       .durability = flags.durability,
                       .mode = flags.mode,
                       .tcp = flags.tcp,
                       .redis = redis};
  stack_ = std::make_unique<Stack>(std::move(options), leftovers_, guard_);
  if (!flags.broker.empty()) {
    leftovers_.add_queue(flags.broker, queue_);
    has_queue_ = true;
    ask(*client(), "queue.configure",
        Json{{"queue", queue_}, {"durability", flags.durability}, {"mode", flags.mode}});
  }
  return *stack_;
}

void Run::start_workers(std::uint64_t queues) {
  if (queues == 1) {
    for (std::uint64_t i = 0; i < flags.workers; ++i) stack_->start_worker(flags.processes, {queue_});
    return;
  }
  constexpr std::uint64_t of_one_worker = 50'000;
  const std::uint64_t workers = (queues + of_one_worker - 1) / of_one_worker;
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < queues; ++i) {
    names.push_back(fmt::format("{}-{}", queue_, i));
    if (names.size() < of_one_worker && i + 1 < queues) continue;
    stack_->start_worker(std::max<std::uint64_t>(1, flags.processes / workers), names);
    names.clear();
  }
}

void Run::end() {
  stack_.reset();
  if (!has_queue_) return;
  has_queue_ = false;
  empty_queue(flags.broker, queue_, {});
  leftovers_.removed_queue(queue_);
}

std::unique_ptr<Client> Run::client(std::size_t frame_jobs) const {
  ClientOptions options;
  options.endpoint = stack_->endpoint();
  options.name = "joinery bench";
  options.timeout = flags.broker.empty() ? std::chrono::minutes(2) : std::chrono::seconds(30);
  options.window_jobs = flags.window;
  if (frame_jobs != 0) options.frame_jobs = frame_jobs;
  auto made = std::make_unique<Client>(options);
  made->connect();
  return made;
}

void Run::pause(Client& client) const {
  ask(client, "queue.configure", Json{{"queue", queue_}});  // makes it
  ask(client, "queue.pause", Json{{"queue", queue_}, {"who", "joinery bench"}, {"why", "to start together"}});
}

void Run::resume(Client& client) const { ask(client, "queue.resume", Json{{"queue", queue_}}); }

// Latencies come from the client's thread, and are read when it has nothing more to answer.
void Run::submit(Client& client, const Pass& pass, std::uint64_t first, std::uint64_t jobs,
                 Latencies& accepted) const {
  constexpr std::uint64_t sampled = 64;  // of single jobs, each so manieth is timed
  const std::string payload(pass.payload, 'x');
  const std::vector<Bytes> payloads(pass.batch, payload);
  SubmitOptions options = pass.options;
  for (std::uint64_t done = 0; done < jobs; done += pass.batch) {
    stop_if_ending();
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
  pass.options.queue = queue_;
  if (pass.join && pass.queues > 1) pass.options.batch = client.open_batch("bench");
  std::vector<std::unique_ptr<Client>> more;
  for (std::uint64_t i = 1; i < pass.clients; ++i) more.push_back(this->client());
  std::vector<Latencies> accepted(pass.clients);
  for (std::uint64_t i = keys_.size(); i < pass.keys; ++i) keys_.push_back(fmt::format("host:{}", i));
  watch(pass.jobs, pass.join ? Until::finished : Until::accepted, [&] {
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

Counts Run::counts(Client& client) const {
  const bool guest = !flags.broker.empty();  // of a broker that others use, too
  const Json reply = guest ? ask(client, "queue.show", Json{{"queue", queue_}}) : ask(client, "status");
  return counts_of(member(reply, "counts"));
}

void Run::watch(std::uint64_t jobs, Until until, const std::function<void()>& work) {
  if (!out_.watched()) return work();
  const auto tool = client();
  const auto done = [&] {
    const Counts now = counts(*tool);
    return now.finished() + (until == Until::accepted ? now.unfinished() : 0);
  };
  const std::uint64_t before = done();
  Bar bar(out_, read_clocks().mono);
  while_waiting(
      [&] {
        work();
        return true;
      },
      milliseconds(300),
      [&] {
        bar.show({jobs, true, Counts{.succeeded = done() - before}}, read_clocks().mono);
      });
}

Usage Run::usage(Client& client) const {
  Usage usage;
  usage.client_s = own_cpu_seconds();
  usage.broker_s = cpu_seconds(stack_->broker());
  usage.broker_rss_bytes = resident_bytes(stack_->broker());
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
  row["mode"] = flags.mode;
  row["transport"] = stack_->endpoint().substr(0, stack_->endpoint().find(':'));
  row["queues"] = pass.queues;
  row["keys"] = pass.keys;
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
  const auto cpu = [&](const char* key, double Usage::*part) {
    row[key] = (after.*part - before.*part) * 1e6 / jobs;
    return row[key].get<double>();
  };
  double all = cpu("client_us", &Usage::client_s);
  if (stack_->broker() > 0) {
    all += cpu("broker_us", &Usage::broker_s);
    row["broker_rss_bytes"] = after.broker_rss_bytes;
    row["rss_bytes_per_job"] =
        (static_cast<double>(after.broker_rss_bytes) - static_cast<double>(before.broker_rss_bytes)) / jobs;
  }
  if (!stack_->workers().empty()) {
    all += cpu("supervisor_us", &Usage::supervisor_s) + cpu("pool_us", &Usage::pool_s);
    row["supervisor_rss_bytes"] = resident_bytes(stack_->workers().front());
  }
  if (stack_->broker() > 0) row["cpu_us"] = all;
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
