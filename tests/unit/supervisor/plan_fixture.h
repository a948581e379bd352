// A pool plan with time, boards and processes made of words, so that a test is a conversation.
#pragma once

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>

#include "shared/protocol/codec.h"
#include "worker/supervisor/pool_plan.h"

namespace joinery::worker {

using namespace std::chrono_literals;
using Kind = Report::Kind;

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() { settings.pools = {{"", 1, 1}}; }

  PoolPlan& plan() {
    if (!plan_) {
      const auto boards = [this](ProcessId id, std::vector<Running>& out) { out = board[id]; };
      plan_ = std::make_unique<PoolPlan>(settings, boards, actions);
    }
    return *plan_;
  }

  // Begins, and each process that is started says ready.
  void begin_ready(bool has_board = true) {
    plan().begin(now);
    for (const ProcessId id : started()) plan().ready(now, id, {1, {"work"}, has_board});
    actions.clear();
  }

  Spec spec_of(const std::string& handler = "work") {
    Spec spec;
    spec.handler = handler;
    return spec;
  }

  // Jobs [first, first + count) with payloads "p".
  void dispatch(JobId first, std::uint32_t count, const Spec& spec) {
    protocol::DispatchGroup group;
    group.queue = "q";
    group.epoch = 1;
    auto frame = std::make_shared<Buffer>("p");
    Buffer raw;
    protocol::encode_spec(spec, raw);
    group.spec = raw;
    for (std::uint32_t i = 0; i < count; ++i) group.jobs.push_back({first + i, 1, 0, 0, Bytes(*frame)});
    protocol::Dispatch message;
    message.groups.push_back(std::move(group));
    ASSERT_TRUE(plan().dispatch(now, frame, message).has_value());
  }
  void dispatch(JobId first, std::uint32_t count) { dispatch(first, count, spec_of()); }

  void done(ProcessId process, std::vector<JobId> jobs) { plan().succeeded(now, process, jobs); }
  void failed(ProcessId process, JobId job, Code code = Code::handler_error) {
    pool::Done done;
    auto& one = done.outcomes.emplace_back();
    one.job = job;
    one.ok = false;
    one.failure.code = code;
    plan().outcomes(now, process, done);
  }
  void dies(ProcessId process, int signal = SIGSEGV) { ends(process, W_EXITCODE(0, signal)); }
  void exits(ProcessId process, int code = 0) { ends(process, W_EXITCODE(code, 0)); }

  void later(Duration by) {
    now += by;
    plan().tick(now);
  }

  // What the actions since the last clear say, by kind.
  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& step : actions.steps) {
      if (const auto* one = std::get_if<T>(&step)) found.push_back(*one);
    }
    return found;
  }
  std::vector<ProcessId> started() const { return ids<action::Start>(); }
  std::vector<ProcessId> stopped() const { return ids<action::Stop>(); }
  std::vector<ProcessId> killed() const { return ids<action::Kill>(); }
  std::vector<JobId> fed(ProcessId process) const {
    std::vector<JobId> jobs;
    for (const auto& feed : all<action::Feed>()) {
      if (feed.process != process) continue;
      for (std::size_t i = 0; i < feed.count; ++i) jobs.push_back(actions.fed[feed.first + i]->token.job);
    }
    return jobs;
  }
  // job -> how it ended
  std::map<JobId, Kind> ended() const {
    std::map<JobId, Kind> kinds;
    for (const auto& token : actions.succeeded) kinds[token.job] = Kind::succeeded;
    for (const auto& one : actions.finished) kinds[one.report.token.job] = one.report.kind;
    return kinds;
  }
  const Failure& failure_of(JobId job) const {
    static const Failure none;
    for (const auto& one : actions.finished) {
      if (one.report.token.job == job) return one.report.failure;
    }
    return none;
  }

  PlanSettings settings;
  Actions actions;
  std::map<ProcessId, std::vector<Running>> board;
  Mono now{1'000s};

 private:
  void ends(ProcessId process, int status) {
    Crash crash;
    crash.status = status;
    plan().exited(now, process, crash);
  }
  template <typename T>
  std::vector<ProcessId> ids() const {
    std::vector<ProcessId> found;
    for (const auto& one : all<T>()) found.push_back(one.process);
    return found;
  }

  std::unique_ptr<PoolPlan> plan_;
};

}  // namespace joinery::worker
