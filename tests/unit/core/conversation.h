// A small language for conversations with the core. People are named by text ("p", "w1"); each line is one
// command, and its answer is what the core wants done, as text:
//
//   Conversation talk;
//   talk.producer("p");
//   EXPECT_EQ(talk.worker("w1", {"mail"}), "welcome w1");
//   EXPECT_EQ(talk.submit("p", "mail", 2), "accepted p 1..2; dispatch w1 1#1 2#1");
//   EXPECT_EQ(talk.finish("w1", "1#1"), "acked w1");
//
// "1#2" is the delivery of job 1 with attempt 2, in the life of the broker that dispatched it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/core_driver.h"

namespace joinery::tests {

// What a worker says of a job that did not simply succeed.
struct Said {
  Report::Kind kind = Report::Kind::failed;
  Code code = Code::handler_error;
  std::string message = "no";
};

struct Put {
  std::uint32_t count = 1;
  Spec spec = default_spec();
  BatchId batch = 0;
  JobId parent = 0;
  std::vector<std::int64_t> priority{};
  std::vector<std::uint64_t> delay_ms{};
  std::vector<std::int64_t> run_at_ms{};
  std::vector<std::int64_t> expires_at_ms{};
  std::vector<std::string> unique_key{};
  std::vector<std::int64_t> deadline_ms{};
  std::vector<std::vector<std::int64_t>> after{};
  std::vector<std::vector<BatchId>> after_batches{};
  broker::WhenFull when_full = broker::WhenFull::park;
  std::optional<Duration> timeout{};
  bool watch = false;
  Token under{};
  std::uint64_t confirmed = 0;
  std::uint64_t sequence = 0;      // 0: the next one
  std::vector<std::string> key{};  // one: of all

  static Spec default_spec() {
    Spec spec;
    spec.handler = "h";
    spec.backoff.jitter = 0;
    return spec;
  }
};

class Conversation {
 public:
  explicit Conversation(broker::CoreOptions options = {}) : driver(std::move(options)) {}

  std::string producer(const std::string& name);
  struct WorkerOptions {
    std::uint32_t capacity = 100;
    std::uint32_t processes = 0;
    std::vector<std::string> handlers = {"*"};
    std::string held{};  // "1#1 2#1"
    std::vector<std::uint32_t> weights{};
  };
  std::string worker(const std::string& name, std::vector<std::string> queues);
  std::string worker(const std::string& name, std::vector<std::string> queues, WorkerOptions options);
  std::string disconnect(const std::string& name, bool goodbye = false);

  std::string submit(const std::string& who, const std::string& queue, std::uint32_t count = 1);
  std::string submit(const std::string& who, const std::string& queue, Put put);
  // A flow of this name: a group for each.
  std::string flow(const std::string& who, std::string_view name,
                   std::vector<std::pair<std::string, Put>> puts);
  // Several deliveries that succeeded: "1#1 2#1".
  std::string finish(const std::string& who, const std::string& tokens);
  std::string report(const std::string& who, const std::string& token, Said said);
  // Succeeded, with one child in `queue`.
  std::string succeed_with_child(const std::string& who, const std::string& token, const std::string& queue);

  // What a running handler says of a node of keys.
  std::string hold(const std::string& who, const std::string& token, const std::string& node,
                   std::optional<std::uint64_t> interval_ms, std::optional<Wall> until = {});
  std::string join(const std::string& who, broker::Target target);
  std::string watch(const std::string& who, std::vector<JobId> jobs);
  template <typename Verb>
  std::string admin(const std::string& who, Verb verb) {
    return text(driver.apply(broker::Admin{
        .session = id(who), .sequence = ++sequences_[who], .confirmed = 0, .verb = std::move(verb)}));
  }

  std::string pass(Duration time) { return text(driver.advance(time)); }
  std::string crash() { return text(driver.crash()); }
  // "ready=2 running=1 succeeded=3": those that are not zero.
  std::string counts(const std::string& queue) const;
  std::string state(JobId job) const;

  SessionId id(const std::string& name);
  std::vector<Token> tokens(const std::string& list) const;
  std::string text(const std::vector<broker::Effect>& effects);

  CoreDriver driver;

 private:
  std::string finish_with(const std::string& who, const Report& report,
                          std::span<const broker::PutGroup> children);
  std::map<std::string, SessionId> ids_;
  std::map<SessionId, std::string> names_;
  std::map<std::string, std::uint64_t> sequences_;
};

std::string describe(const Counts& counts);

}  // namespace joinery::tests
