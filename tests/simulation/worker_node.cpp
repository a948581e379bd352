#include "tests/simulation/worker_node.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "tests/simulation/workload.h"

namespace joinery::simulation {

using namespace worker;
using namespace std::chrono_literals;

WorkerNode::WorkerNode(NodeId node, Network& network, Random random, std::int64_t clock_ppm)
    : Node(node, network, clock_ppm), random_(random) {}

void WorkerNode::start() {
  settle_here();
  protocol::Hello hello;
  hello.name = fmt::format("w{}", number);
  hello.processes = 2;
  hello.queues = queue_names();
  PlanSettings settings;
  settings.pools = {{"", 2, 1}};
  settings.drain_timeout = 3s;
  if (random_.chance(30)) settings.max_jobs_per_process = 5;
  const Boards boards = [this](ProcessId process, std::vector<Running>& out) {
    out.clear();
    const auto found = life_->processes.find(process);
    if (found != life_->processes.end() && !found->second.jobs.empty())
      out.push_back({found->second.jobs.front().job, found->second.since});
  };
  life_ = std::make_unique<Life>(settings, boards, hello, static_cast<LinkEvents&>(*this));
  life_->plan.begin(local().mono);
  perform();
}

void WorkerNode::drain() {
  if (!life_ || std::exchange(life_->stopping, true)) return;
  life_->plan.drain(local().mono);
  perform();
}

void WorkerNode::kill_process() {
  if (!life_) return;
  for (auto& [id, process] : life_->processes) {
    if (process.exit || !random_.chance(60)) continue;
    process.exit = W_EXITCODE(0, SIGSEGV);
    process.next = local().mono;
    return;
  }
}

std::optional<Token> WorkerNode::running() const {
  if (!life_) return std::nullopt;
  for (const auto& [id, process] : life_->processes) {
    if (!process.jobs.empty() && process.ready) return process.jobs.front();
  }
  return std::nullopt;
}

Instant WorkerNode::due() const {
  if (!life_) return never;
  Mono next = std::min(life_->plan.next_deadline(), life_->link.next_deadline());
  for (const auto& [id, process] : life_->processes) next = std::min(next, process.next);
  const Instant due = clock.when(next, network_.now);
  // As in the real loop, a link that waits before it connects again does not look at its old socket.
  return life_->link.descriptors().empty() ? due : std::min(network_.next_arrival(number), due);
}

void WorkerNode::turn() {
  if (!life_) return;
  settle_here();
  const Mono now = local().mono;
  std::vector<ProcessId> due;
  for (const auto& [id, process] : life_->processes) {
    if (process.next <= now) due.push_back(id);
  }
  for (const ProcessId id : due) run(id, life_->processes.at(id));
  life_->plan.tick(now);
  perform();
  life_->link.tick(now);
  while (life_->link.process(now, 64)) {
  }
  announce();
  life_->link.set_capacity(life_->plan.capacity());
  life_->link.flush(now);
  if (!life_->stopping || !life_->plan.gone()) return;
  if (life_->link.opened() && !life_->link.finishes().settled()) return;
  life_->link.goodbye(now, "the worker stops");
  life_.reset();
}

void WorkerNode::announce() {
  if (!std::exchange(life_->announce, false) || life_->stopping || !life_->plan.settled()) return;
  auto handlers = life_->plan.handlers();
  if (handlers.empty() || handlers == life_->announced) return;
  life_->announced = handlers;
  life_->link.set_capacity(life_->plan.capacity());
  life_->link.open(local().mono, std::move(handlers));
}

void WorkerNode::dispatched(const DispatchFrame& frame, const protocol::Dispatch& dispatch) {
  if (const auto done = life_->plan.dispatch(local().mono, frame, dispatch); !done)
    throw Broken("a dispatch is not understood: " + done.error().message);
  perform();
}

void WorkerNode::revoked(const protocol::Revoke& revoke) {
  life_->plan.revoke(local().mono, revoke);
  perform();
}

// --- what the plan wants ---

void WorkerNode::perform() {
  Actions& actions = life_->actions;
  while (!actions.empty()) {
    std::swap(actions, acting_);
    for (const Action& step : acting_.steps) std::visit([this](const auto& one) { perform(one); }, step);
    life_->link.finishes().succeeded(acting_.succeeded);
    for (const auto& [token, result] : acting_.answered) life_->link.finishes().answered(token, result);
    for (Finished& finished : acting_.finished)
      life_->link.finishes().report(own(std::move(finished.report)));
    acting_.clear();
  }
}

void WorkerNode::perform(const action::Start& start) {
  Process& process = life_->processes[start.process];
  process.next = local().mono + random_.between(1ms, 200ms);
  if (!healthy_ && random_.chance(3)) process.exit = W_EXITCODE(1, 0);
}

void WorkerNode::perform(const action::Feed& feed) {
  const auto found = life_->processes.find(feed.process);
  if (found == life_->processes.end()) return;
  Process& process = found->second;
  for (std::size_t i = 0; i < feed.count; ++i) {
    const worker::Job& job = *acting_.fed[feed.first + i];
    process.jobs.push_back(job.token);
    if (process.jobs.size() == 1 && !process.exit) begin_next(process);
  }
}

// One that has not begun is not run; one that runs stops, or does not care.
void WorkerNode::perform(const action::Cancel& cancel) {
  const auto found = life_->processes.find(cancel.process);
  if (found == life_->processes.end()) return;
  std::deque<Token>& jobs = found->second.jobs;
  const auto job = std::ranges::find(jobs, cancel.job, [](const Token& given) { return given.job; });
  if (job == jobs.end() || found->second.exit) return;
  if (job == jobs.begin() && random_.chance(50)) return;
  const Token given = *job;
  const bool first = job == jobs.begin();
  jobs.erase(job);
  if (first) begin_next(found->second);
  end_badly(cancel.process, given, cancel.reason, true);
}

void WorkerNode::perform(const action::Stop& stop) {
  const auto found = life_->processes.find(stop.process);
  if (found == life_->processes.end()) return;
  found->second.stopping = true;
  if (found->second.jobs.empty()) begin_next(found->second);
}

void WorkerNode::perform(const action::Kill& kill) {
  const auto found = life_->processes.find(kill.process);
  if (found == life_->processes.end()) return;
  found->second.exit = W_EXITCODE(0, SIGKILL);
  found->second.next = local().mono + random_.between(100us, 2ms);
}

void WorkerNode::perform(const action::Problem&) { life_->announce = true; }

// --- pool processes ---

void WorkerNode::begin_next(Process& process) {
  if (process.exit) return;  // it is about to
  process.since = local().mono;
  process.next = never_mono;
  if (!process.jobs.empty()) {
    life_->link.log(process.jobs.front(), {.at_ms = 0, .level = "info", .text = "begins"});
    const Duration most = healthy_ ? 5ms : random_.chance(3) ? 20s : random_.chance(20) ? 2s : 30ms;
    process.next = local().mono + random_.between(100us, most);
  } else if (process.stopping) {
    process.exit = 0;
    process.next = local().mono + random_.between(100us, 5ms);
  }
}

void WorkerNode::run(ProcessId id, Process& process) {
  const Mono now = local().mono;
  process.next = never_mono;
  if (process.exit) {
    Crash crash;
    crash.status = *process.exit;
    life_->plan.exited(now, id, crash);
    life_->processes.erase(id);
    life_->announce = true;
  } else if (!process.ready) {
    process.ready = true;
    life_->plan.ready(now, id, {.handlers = {"a", "b"}, .board = true});
    life_->announce = true;
  } else {
    end_job(id, process);
  }
  perform();
}

void WorkerNode::end_job(ProcessId id, Process& process) {
  const Token job = process.jobs.front();
  const std::uint64_t fate = healthy_ ? 99 : random_.below(100);
  if (fate < 5) {
    process.exit = W_EXITCODE(0, SIGSEGV);
    process.next = local().mono + random_.between(10us, 1ms);
    return;
  }
  process.jobs.pop_front();
  begin_next(process);
  if (fate < 15) return end_badly(id, job, Code::handler_error, fate != 5);
  if (fate < 20) say_things(job);
  const Mono now = local().mono;
  if (fate >= 35) return life_->plan.succeeded(now, id, std::span(&job.job, 1));
  pool::Done done;
  pool::Done::One& one = done.outcomes.emplace_back();
  one.job = job.job;
  one.children = children(job);
  life_->plan.outcomes(now, id, done);
  perform();  // owns the payloads
  payloads_.clear();
}

void WorkerNode::end_badly(ProcessId id, const Token& job, Code code, bool retry) {
  pool::Done done;
  pool::Done::One& one = done.outcomes.emplace_back();
  one.job = job.job;
  one.ok = false;
  one.retry = retry;
  one.failure.code = code;
  one.failure.type = "made up";
  life_->plan.outcomes(local().mono, id, done);
}

void WorkerNode::say_things(const Token& job) {
  life_->link.progress({job, 0.5, "half"});
  life_->link.log(job, {.at_ms = 0, .level = "info", .text = "half"});
  protocol::Hold hold{job, {.key = "held", .interval_ms = random_.below(300), .until_ms = {}}};
  if (random_.chance(30)) {
    hold.hold.interval_ms.reset();
    hold.hold.until_ms =
        local().wall.time_since_epoch() / 1ms + static_cast<std::int64_t>(random_.below(3000));
  }
  life_->link.hold(hold);
}

std::vector<Group> WorkerNode::children(const Token& job) {
  Group group;
  group.queue = queue_names()[random_.below(queue_names().size())];
  group.spec.handler = random_.chance(50) ? "a" : "b";
  const auto count = 1 + random_.below(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    payloads_.push_back(fmt::format("child {} of {}.{}.{}", i, job.job, job.attempt, job.epoch));
  }
  for (const Buffer& payload : payloads_) group.payloads.push_back(payload);
  return {group};
}

}  // namespace joinery::simulation
