// A client as a process: keeps its requests until they are answered, and repeats them in order on each new
// connection.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "shared/protocol/messages.h"
#include "shared/transport/transport.h"
#include "tests/simulation/model.h"
#include "tests/simulation/node.h"
#include "tests/simulation/workload.h"

namespace joinery::simulation {

class ClientNode : public Node {
 public:
  ClientNode(NodeId node, Network& network, Random random, std::int64_t clock_ppm, const Model& model);

  Instant due() const override;
  void turn() override;

  bool up() const { return dealer_ != nullptr; }
  void start();
  void kill();
  // Each asks for something.
  void submit();
  void submit_under(const Token& delivery);
  void submit_to_batch(BatchId batch);
  void join();
  void watch();
  void request();
  void give_up_one();  // Forget
  void repeat_one();   // sends an unanswered request again, as if it had been in doubt
  void ask(const std::string& verb, const std::string& key, const protocol::Value& value);
  void configure(const std::string& queue, const QueueOptions& options);

  std::size_t unanswered() const { return requests_.size(); }
  std::string describe() const;

 private:
  struct Request {
    Buffer frame;
    std::string what;
  };
  void connect();
  void send(Bytes frame);
  void keep(std::uint64_t sequence, const protocol::Message& message, std::string what);
  void take(Bytes frame);
  void answered(std::uint64_t sequence, const char* by);
  std::uint64_t confirmed() const { return requests_.empty() ? sequence_ : requests_.begin()->first - 1; }

  Random random_;
  const Model& model_;
  SessionId session_;
  std::uint64_t lives_ = 0;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, Request> requests_;  // not answered yet
  std::unique_ptr<transport::Context> context_;
  std::unique_ptr<transport::Dealer> dealer_;
  bool in_session_ = false;
  Mono away_until_ = never_mono;  // connects again then
  Mono heard_{}, sent_{};
};

}  // namespace joinery::simulation
