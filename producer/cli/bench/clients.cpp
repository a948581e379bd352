// Ten thousand clients that are connected and submit in turn, against one that submits the same frames.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <array>
#include <deque>

#include "producer/cli/bench/peer.h"
#include "producer/cli/bench/scenario.h"
#include "producer/cli/bench/usage.h"
#include "producer/cli/human.h"
#include "producer/client/link.h"
#include "shared/protocol/codec.h"

namespace joinery::cli::bench {
namespace {

class Crowd {
 public:
  Crowd(const std::string& endpoint, std::string queue, std::size_t number)
      : queue_(std::move(queue)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < number; ++i) clients_.emplace_back(endpoint);
    for (Client& client : clients_) {
      client.peer.wait_ready();
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &client}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.peer.descriptor(), &event);
      send(client, client::new_hello(protocol::Role::producer, "joinery bench"));
    }
    wait_until([this, number] { return answered_ == number; });
  }

  // In frames of `batch` jobs, each from the next of the first `speakers`, so many of them unanswered at a
  // time.
  void submit(std::uint64_t jobs, std::uint64_t batch, std::uint64_t payload, std::size_t speakers,
              std::uint64_t frames_max, Latencies& accepted) {
    const std::string text(payload, 'x');
    protocol::Submit message;
    Group& group = message.groups.emplace_back();
    group.queue = queue_;
    group.spec.handler = "noop";
    group.payloads.assign(batch, text);
    accepted_ = &accepted;
    std::uint64_t sent = answered_;
    const std::uint64_t last = sent + jobs / batch;
    while (sent < last) {
      Client& client = clients_[next_++ % speakers];
      message.sequence = ++client.sent;
      message.confirmed = client.answered;
      client.since.push_back(Clock::now());
      send(client, message);
      ++sent;
      wait_until([&] { return sent - answered_ < frames_max; });
    }
    wait_until([&] { return answered_ == last; });
    accepted_ = nullptr;
  }

 private:
  struct Client {
    explicit Client(const std::string& endpoint) : peer(endpoint) {}
    Peer peer;
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    std::deque<Clock::time_point> since;
  };

  void send(Client& client, const protocol::Message& message) {
    frame_.clear();
    protocol::encode(message, frame_);
    client.peer.send(frame_);
  }

  template <typename Done>
  void wait_until(Done done) {
    std::array<epoll_event, 256> events{};
    while (!done()) {
      const int number = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < number; ++i) {
        auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        client.peer.receive([&](Bytes frame) { take(client, frame); });
      }
    }
  }

  void take(Client& client, Bytes frame) {
    const auto message = protocol::decode(frame);
    if (!message) throw ClientError(message.error());
    if (const auto* error = std::get_if<protocol::ErrorMessage>(&*message)) throw ClientError(error->error);
    if (std::holds_alternative<protocol::Heartbeat>(*message)) return;
    ++answered_;
    if (accepted_ == nullptr) return;
    ++client.answered;
    accepted_->add(Clock::now() - client.since.front());
    client.since.pop_front();
  }

  std::string queue_;
  unique_fd epoll_;
  std::deque<Client> clients_;
  std::size_t next_ = 0;
  std::uint64_t answered_ = 0;
  Latencies* accepted_ = nullptr;
  Buffer frame_;
};

// So many are connected, and so many of them submit.
double measure(Run& run, const Pass& pass, std::size_t number, std::size_t speakers) {
  run.start();
  run.start_workers();
  const auto tool = run.client();
  const std::uint64_t memory = resident_bytes(run.stack().broker());
  Crowd crowd(run.stack().endpoint(), run.queue(), number);
  const auto held = static_cast<double>(resident_bytes(run.stack().broker()) - memory);
  const std::uint64_t frames = std::max<std::uint64_t>(1, run.flags.window / pass.batch);
  Latencies warm;
  const std::uint64_t warm_jobs = std::max<std::uint64_t>(speakers, 100) * pass.batch;
  crowd.submit(warm_jobs, pass.batch, pass.payload, speakers, frames, warm);
  tool->join_queue(run.queue());
  const Usage before = run.usage(*tool);
  Passed passed;
  run.watch(pass.jobs, Run::Until::finished, [&] {
    const auto begin = Clock::now();
    crowd.submit(pass.jobs, pass.batch, pass.payload, speakers, frames, passed.accepted);
    passed.accepted_s = seconds_since(begin);
    tool->join_queue(run.queue());
    passed.seconds = seconds_since(begin);
  });
  const std::string all = plural(number, "client");
  const std::string variant =
      speakers == number ? all + (number == 1 ? "" : " in turn") : all + ", one submits";
  Json& row = run.row("clients", variant, pass, passed, *tool, before);
  row["clients"] = number;
  row["rss_bytes_per_client"] = held / static_cast<double>(number);
  if (number > 1)
    row["note"] = fmt::format("{} of RAM per client", size(static_cast<std::uint64_t>(held) / number));
  return row["jobs_per_s"];
}

// A client is a descriptor here and one in the broker, which inherits the limit.
void allow_descriptors(std::uint64_t clients) {
  const rlim_t needed = clients + 200;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < needed)
    throw UsageError(fmt::format("--clients: {} of them need {} open files, and the limit is {} (ulimit -Hn)",
                                 clients, needed, limit.rlim_max));
  limit.rlim_cur = std::max(limit.rlim_cur, needed);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void clients(Run& run) {
  Pass pass;
  pass.batch = run.flags.batch.value_or(100);
  pass.jobs = run.flags.jobs.value_or(2'000'000);
  pass.jobs = std::max<std::uint64_t>(1, pass.jobs / pass.batch) * pass.batch;
  pass.payload = run.flags.payload.value_or(100);
  const std::uint64_t number = run.flags.clients.value_or(10'000);
  allow_descriptors(number);
  const double one = measure(run, pass, 1, 1);
  const std::string all = plural(number, "client");
  const auto compare = [&](std::size_t speakers, const char* what) {
    const double many = measure(run, pass, number, speakers);
    run.report.at_least(fmt::format("{} {}, of the throughput of one", all, what), many / one, 0.8, "x");
  };
  compare(1, "connected");
  compare(number, "that submit in turn");
}

}  // namespace joinery::cli::bench
