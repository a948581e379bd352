// A worker as a process: the real plan of the pool and the real link to the broker, between them what
// worker/supervisor/loop.h does with sockets, and pool processes that are made of chance.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "tests/simulation/model.h"
#include "tests/simulation/node.h"
#include "worker/supervisor/broker_link.h"
#include "worker/supervisor/pool_plan.h"

namespace joinery::simulation {

class WorkerNode : public Node, worker::LinkEvents {
 public:
  WorkerNode(NodeId node, Network& network, Random random, std::int64_t clock_ppm);

  Instant due() const override;
  void turn() override;

  bool up() const { return life_ != nullptr; }
  void start();
  void kill() { life_.reset(); }
  void drain();         // as on SIGTERM
  void kill_process();  // one of the pool
  void be_healthy() { healthy_ = true; }
  // A delivery that runs here now.
  std::optional<Token> running() const;

 private:
  struct Process {
    bool ready = false, stopping = false;
    std::deque<Token> jobs;  // the first one runs since `since`
    Mono since{}, next = never_mono;
    std::optional<int> exit;  // its status, at `next`
  };
  struct Life {
    Life(worker::PlanSettings settings, const worker::Boards& boards, protocol::Hello hello,
         worker::LinkEvents& events)
        : plan(std::move(settings), boards, actions), link(context, "simulation", std::move(hello), events) {}
    transport::Context context;
    worker::Actions actions;
    worker::PoolPlan plan;
    worker::BrokerLink link;
    std::map<worker::ProcessId, Process> processes;
    bool announce = false, stopping = false;
    std::vector<std::string> announced;
  };
  void welcomed(const protocol::Welcome&) override {}
  void dispatched(const worker::DispatchFrame& frame, const protocol::Dispatch& dispatch) override;
  void revoked(const protocol::Revoke& revoke) override;
  void replied(std::uint64_t, const Result<Bytes>&) override {}
  void held_tokens(std::vector<Token>& out) override { life_->plan.held_tokens(out); }

  void perform();
  void perform(const worker::action::Start& start);
  void perform(const worker::action::Feed& feed);
  void perform(const worker::action::Cancel& cancel);
  void perform(const worker::action::Stop& stop);
  void perform(const worker::action::Kill& kill);
  void perform(const worker::action::Problem& problem);
  void announce();
  void run(worker::ProcessId id, Process& process);
  void begin_next(Process& process);
  void end_job(worker::ProcessId id, Process& process);
  void end_badly(worker::ProcessId id, const Token& job, Code code, bool retry);
  void say_things(const Token& job);
  std::vector<Group> children(const Token& job);

  Random random_;
  bool healthy_ = false;
  std::unique_ptr<Life> life_;
  worker::Actions acting_;
  std::vector<Buffer> payloads_;  // of children, until they are owned by their report
};

}  // namespace joinery::simulation
