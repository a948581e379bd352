#include "tests/soak/load.h"

#include <fmt/format.h>

#include "shared/protocol/pack.h"
#include "shared/protocol/value.h"
#include "tests/support/exec_payload.h"

namespace joinery::soak {

using protocol::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds patience{120};

ClientOptions options_for(const std::string& endpoint) {
  ClientOptions options;
  options.endpoint = endpoint;
  options.timeout = patience;
  return options;
}

Buffer call(Client& client, const char* verb, const Value& arguments) {
  return client.request(verb, protocol::encode(arguments));
}

}  // namespace

Load::Load(std::string endpoint, std::uint64_t seed, double pace)
    : endpoint_(std::move(endpoint)), pace_(pace), seed_(seed) {
  Client client(options_for(endpoint_));
  call(client, "queue.configure", Value::map().set("queue", "small").set("maxsize", std::uint64_t{20}));
  call(client, "queue.configure", Value::map().set("queue", "polite").set("fair", true));
  call(client, "limit.set", Value::map().set("pattern", "host:*").set("concurrency", std::uint64_t{2}));
  start("plain", milliseconds(200), &Load::plain);
  start("results", milliseconds(500), &Load::results);
  start("flows", milliseconds(500), &Load::flows);
  start("keys", milliseconds(300), &Load::keys);
  start("failures", milliseconds(1000), &Load::failures);
  start("commands", milliseconds(1000), &Load::commands);
  start("locks", milliseconds(500), &Load::locks);
  start("full", milliseconds(400), &Load::full);
  start("visitors", milliseconds(1000), &Load::visitors);
}

Load::~Load() { stop(); }

void Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

std::map<std::string, std::uint64_t> Load::rounds() const {
  const std::lock_guard lock(mutex_);
  return rounds_;
}

std::string Load::wrong() const {
  const std::lock_guard lock(mutex_);
  return wrong_;
}

void Load::expect(bool good, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (!good && wrong_.empty()) wrong_ = what;
}

void Load::start(const char* name, milliseconds pause, Kind kind) {
  threads_.emplace_back([this, name, pause, kind, seed = seed_ + threads_.size()] {
    try {
      repeat(name, pause, kind, seed);
    } catch (const std::exception& error) {
      expect(false, fmt::format("{}: {}", name, error.what()));
    }
  });
}

void Load::repeat(const char* name, milliseconds pause, Kind kind, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Client client(options_for(endpoint_));
  client.on_outcome([](const JobOutcome&) {});
  while (!stopping_) {
    (this->*kind)({client, random});
    {
      const std::lock_guard lock(mutex_);
      ++rounds_[name];
    }
    std::this_thread::sleep_for(std::chrono::duration_cast<milliseconds>(pause / pace_));
  }
}

void Load::plain(Turn turn) {
  const std::uint64_t dice = turn.random();
  const std::size_t size = dice % 500 == 0 ? 4'000'000 : dice % 20 == 0 ? 200'000 : dice % 4'000;
  const Buffer payload(size, 'p');
  SubmitOptions options;
  options.queue = "plain";
  options.watch = true;
  const std::size_t count = size > 100'000 ? 1 : 20;
  const JobId first = turn.client.submit_many("plain", std::vector<Bytes>(count, payload), options).get();
  accepted_ += count;
  const auto ended = turn.client.wait({first}, patience);
  expect(ended[0].known && ended[0].outcome == Outcome::succeeded, "a plain job did not succeed");
}

void Load::results(Turn turn) {
  SubmitOptions options;
  options.watch = true;
  options.spec.result_ttl_s = 20;
  if (turn.random() % 2 == 0) options.spec.result_inline_max = 10'000;
  const Buffer payload(turn.random() % 5'000, 'r');
  const JobId job = turn.client.submit("echo", pack(payload), options).get();
  ++accepted_;
  const auto result = turn.client.result(job, patience);
  expect(unpack<std::string>(result.value) == payload, fmt::format("the result of job {} is another", job));
}

void Load::flows(Turn turn) {
  SubmitOptions options;
  options.queue = "flows";
  options.batch = turn.client.open_batch("flow");
  const JobId first = turn.client.submit_many("grow", {pack(2), pack(2)}, options).get();
  options.after = {first, first + 1};
  options.spec.after = After::finished;
  turn.client.submit("plain", pack(0), options).get();
  accepted_ += 3;
  const bool cancel = turn.random() % 4 == 0;
  if (cancel) call(turn.client, "batch.cancel", Value::map().set("batch", options.batch));
  const Counts counts = turn.client.join_batch(options.batch, patience);
  const std::uint64_t all = 15;  // two trees of seven, and the last one
  expect(counts.unfinished() == 0 && (cancel ? counts.finished() <= all : counts.succeeded == all),
         fmt::format("a batch ended with {} succeeded, {} cancelled, {} failed", counts.succeeded,
                     counts.cancelled, counts.failed));
}

void Load::keys(Turn turn) {
  SubmitOptions options;
  options.queue = "polite";
  for (int i = 0; i < 5; ++i) {
    options.key = fmt::format("tenant:{}/host:{}", turn.random() % 3, turn.random() % 5'000);
    options.spec.ordered = turn.random() % 4 == 0;
    options.delay = milliseconds(turn.random() % 3 == 0 ? turn.random() % 3000 : 0);
    options.unique_key = turn.random() % 3 == 0 ? fmt::format("u{}", turn.random() % 100'000) : "";
    turn.client.submit("plain", pack(0), options,
                       [this](const Result<JobId>& job) { accepted_ += job ? 1 : 0; });
  }
  try {
    turn.client.flush();
  } catch (const ClientError& error) {
    if (error.code() != Code::duplicate_job) throw;
  }
}

void Load::failures(Turn turn) {
  SubmitOptions options;
  options.queue = "failures";
  options.watch = true;
  options.spec.backoff.initial_ms = 50;
  options.spec.crash_attempts = 2;
  const JobId flaky = turn.client.submit("flaky", pack(0), options).get();
  const JobId lost = turn.client.submit("lost", pack(0), options).get();
  std::vector<JobId> jobs{flaky, lost};
  if (turn.random() % 5 == 0) jobs.push_back(turn.client.submit("die", pack(0), options).get());
  accepted_ += jobs.size();
  const auto ended = turn.client.wait(jobs, patience);
  expect(ended[0].outcome == Outcome::succeeded, "a job that fails once did not succeed the second time");
  for (std::size_t i = 1; i < ended.size(); ++i)
    expect(ended[i].outcome == Outcome::failed, "a job that cannot succeed has another outcome");
  call(turn.client, "dead.delete", Value::map().set("queue", "failures"));
}

void Load::commands(Turn turn) {
  SubmitOptions options;
  options.watch = true;
  options.spec.result_ttl_s = 20;
  const JobId job =
      turn.client.submit("exec", testing::exec_payload({"sh", "-c", "echo said"}), options).get();
  ++accepted_;
  const auto result = turn.client.result(job, patience);
  expect(result.value.find("said") != Buffer::npos, "a command's output is not in its result");
}

void Load::locks(Turn turn) {
  SubmitOptions options;
  options.queue = "locks";
  options.watch = true;
  std::vector<JobId> jobs;
  for (int i = 0; i < 3; ++i) {
    const std::string name = fmt::format("lock-{}", turn.random() % 3);
    jobs.push_back(turn.client.submit("locked", pack(name), options).get());
  }
  accepted_ += jobs.size();
  for (const JobOutcome& ended : turn.client.wait(jobs, patience))
    expect(ended.outcome == Outcome::succeeded,
           "a job with a lock did not succeed: " + ended.failure.message);
}

void Load::full(Turn turn) {
  SubmitOptions options;
  options.queue = "small";
  const Buffer payload = pack(0);
  turn.client.submit_many("plain", std::vector<Bytes>(30 + turn.random() % 30, payload), options).get();
  turn.client.join_queue("small", patience);
}

void Load::visitors(Turn turn) {
  Client client(options_for(endpoint_));
  SubmitOptions options;
  options.watch = turn.random() % 2 == 0;
  const JobId job = client.submit("plain", pack(0), options).get();
  ++accepted_;
  expect(client.wait({job}, patience)[0].outcome == Outcome::succeeded, "a visitor's job did not succeed");
  call(client, "stats", Value::map());
}

}  // namespace joinery::soak
