#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>

namespace joinery::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t workers = 3;
constexpr std::size_t clients = 2;
constexpr Duration peace_most = std::chrono::hours(2);
constexpr std::uint64_t turns_most = 2'000'000;

BrokerNode::Settings settings(Random& random) {
  BrokerNode::Settings settings;
  settings.limits = declared_limits();
  // Not much more than what a turn and the reserve may need, so that it is full now and then.
  // Little, and enough for what the journal keeps free (1.2 MB for a turn's frames) beside a state of 100 KB,
  // which it reserves twice.
  if (random.chance(25)) settings.disk_bytes = 1'550'000 + random.below(400'000);
  if (random.chance(50)) settings.checkpoint_bytes = 20'000;
  settings.sync_max = random.chance(30) ? Duration(100ms) : Duration(5ms);
  return settings;
}

double seconds(Instant instant) { return static_cast<double>(instant.count()) / 1e6; }

}  // namespace

World::World(std::uint64_t seed, std::function<void(const std::string&)> tell)
    : tell_(std::move(tell)), random_(seed ^ 0x5157), network_(random_.next()), model_(declared_limits()) {
  seed_system(seed);
  NodeId id = 0;
  broker_ = std::make_unique<BrokerNode>(id++, network_, Random(random_.next()), settings(random_), model_);
  nodes_.push_back(broker_.get());
  const auto ppm = [this] { return static_cast<std::int64_t>(random_.below(2001)) - 1000; };
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<WorkerNode>(id++, network_, Random(random_.next()), ppm()));
    nodes_.push_back(workers_.back().get());
  }
  for (std::size_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<ClientNode>(id++, network_, Random(random_.next()), ppm(), model_));
    nodes_.push_back(clients_.back().get());
  }
}

void World::tell(const std::string& line) const {
  if (tell_) tell_(fmt::format("{:10.6f} s  {}", seconds(network_.now), line));
}

void World::run(const std::vector<Step>& steps) {
  begin();
  for (const Step& one : steps) step(one);
  tell("peace");
  make_peace();
  work_off();
}

void World::begin() {
  broker_->start();
  for (auto& worker : workers_) worker->start();
  for (auto& client : clients_) client->start();
  ClientNode& client = *clients_.front();
  client.configure("line", {.mode = Mode::fifo});
  client.configure("urgent", {.mode = Mode::priority});
  client.configure("stack", {.mode = Mode::lifo});
  client.configure("small", {.maxsize = 5});
  client.configure("fair", {.fair = true});
  client.configure("soon", {.durability = Durability::interval});
  client.configure("loose", {.durability = Durability::none});
  run_until(1s);
}

void World::step(const Step& step) {
  run_until(network_.now + step.before);
  Random random(step.seed);
  const std::string detail = act(step.kind, random);
  tell(fmt::format("{}{}{}", word(step.kind), detail.empty() ? "" : ": ", detail));
  revive(random, false);
}

std::string World::act(StepKind kind, Random& random) {
  ClientNode& client = *clients_[random.below(clients_.size())];
  WorkerNode& worker = *workers_[random.below(workers_.size())];
  const std::string of_client = fmt::format("client {}", client.number);
  const std::string of_worker = fmt::format("worker {}", worker.number);
  switch (kind) {
    case StepKind::submit: return client.submit(), of_client;
    case StepKind::submit_under: {
      const auto token = worker.running();
      return token ? (client.submit_under(*token), fmt::format("job {}", token->job)) : "none runs";
    }
    case StepKind::request: return client.request(), of_client;
    case StepKind::join: return client.join(), of_client;
    case StepKind::watch: return client.watch(), of_client;
    case StepKind::give_up: return client.give_up_one(), of_client;
    case StepKind::repeat: return client.repeat_one(), of_client;
    case StepKind::kill_broker: return broker_->kill(false), "";
    case StepKind::power_failure: return broker_->kill(true), "";
    case StepKind::restart_broker: return broker_->stop(), "";
    case StepKind::break_disk: {
      const auto operations = random.below(12);
      return broker_->break_disk(operations), fmt::format("after {} operations", operations);
    }
    case StepKind::flip_bit: return broker_->flip_a_bit(), "";
    case StepKind::kill_worker: return worker.kill(), of_worker;
    case StepKind::drain_worker: return worker.drain(), of_worker;
    case StepKind::kill_process: return worker.kill_process(), of_worker;
    case StepKind::kill_client: return client.kill(), of_client;
    case StepKind::cut: {
      const NodeId node = nodes_[random.below(nodes_.size())]->number;
      return network_.cut(node), fmt::format("node {}", node);
    }
    case StepKind::pause: return pause(random);
    case StepKind::jump_clock: return jump(random);
    case StepKind::slow_network: {
      const Duration most = random.between(200us, 200ms);
      return network_.set_delay_max(most), fmt::format("up to {} us", most.count());
    }
    case StepKind::rest: break;
  }
  return "";
}

std::string World::pause(Random& random) {
  Node& node = *nodes_[random.below(nodes_.size())];
  node.paused_until = network_.now + random.between(1ms, random.chance(40) ? 12s : 1s);
  return fmt::format("node {} until {:.6f} s", node.number, seconds(node.paused_until));
}

std::string World::jump(Random& random) {
  Node& node = *nodes_[random.below(nodes_.size())];
  const Duration by = random.between(Duration(0), 60s) - 30s;
  node.clock.jump(by);
  return fmt::format("node {} by {:.6f} s", node.number, seconds(by));
}

// Whoever is dead is started again, sooner or later.
void World::revive(Random& random, bool all) {
  if (!broker_->up() && (all || random.chance(50))) {
    tell("the broker starts");
    broker_->start();
  }
  for (auto& worker : workers_) {
    if (!worker->up() && (all || random.chance(20))) worker->start();
  }
  for (auto& client : clients_) {
    if (!client->up() && (all || random.chance(30))) client->start();
  }
}

void World::run_until(Instant instant) {
  while (turn_of_next(instant)) {
  }
  network_.now = std::max(network_.now, instant);
}

bool World::turn_of_next(Instant limit) {
  Node* first = nullptr;
  Instant at = never;
  for (Node* node : nodes_) {
    const Instant wake = node->wake();
    if (wake < at) {
      at = wake;
      first = node;
    }
  }
  if (first == nullptr || at > limit) return false;
  network_.now = std::max(network_.now, at);
  first->take_turn(random_);
  if (++turns_ > turns_most) throw Broken("nothing comes to rest: " + what_is_left());
  return true;
}

// --- the end ---

void World::make_peace() {
  network_.heal();
  broker_->mend_disk();
  for (Node* node : nodes_) node->paused_until = Instant{};
  for (auto& worker : workers_) worker->be_healthy();
  run_until(network_.now + 10s);
  revive(random_, true);
  run_until(network_.now + 15s);
  revive(random_, true);
  for (const std::string& queue : queue_names()) clients_.front()->ask("queue.resume", "queue", queue);
  for (const auto& [name, _] : model_.schedules()) clients_.front()->ask("schedule.delete", "schedule", name);
  run_until(network_.now + 2s);
  end_batches();
}

// Each is closed, and has had a job: else what comes after it would wait for ever.
void World::end_batches() {
  for (const auto& [id, batch] : std::map(model_.batches())) {
    clients_.front()->ask("batch.close", "batch", id);
    if (!batch.cancelled) clients_.front()->submit_to_batch(id);
  }
}

bool World::at_rest() const {
  const Tally& totals = model_.totals();
  if (totals.unfinished() + totals.parked != 0) return false;
  return std::ranges::all_of(clients_, [](const auto& client) { return client->unanswered() == 0; });
}

void World::work_off() {
  const Instant limit = network_.now + peace_most;
  while (!at_rest()) {
    if (!turn_of_next(limit)) throw Broken("this never ends: " + what_is_left());
    revive(random_, true);
  }
  run_until(network_.now + 10s);
  model_.compare(broker_->core(), broker_->clock.at(network_.now), true);
  take_one_more();
  broker_->stop();
  broker_->start();
  tell(fmt::format("all is done after {} turns, with {}", turns_, to_text(model_.totals())));
}

// However full the disk was.
void World::take_one_more() {
  const std::uint64_t before = model_.totals().succeeded;
  clients_.front()->submit_to_batch(0);
  run_until(network_.now + 10s);
  if (model_.totals().succeeded != before + 1)
    throw Broken(fmt::format("no job is taken, though all are done: {} had succeeded, now {}\n{}", before,
                             to_text(model_.totals()), what_is_left()));
}

std::string World::what_is_left() const {
  std::string text = fmt::format(
      "{} jobs at {:.6f} s\n", model_.totals().unfinished() + model_.totals().parked, seconds(network_.now));
  for (const Node* node : nodes_)
    text += fmt::format("  node {} took {} turns, the next at {:.6f} s\n", node->number, node->turns,
                        seconds(node->wake()));
  std::size_t told = 0;
  for (const auto& [id, job] : model_.jobs()) {
    const bool left = job.is != ModelJob::Is::dead && job.is != ModelJob::Is::ended;
    if (!left || ++told > 10) continue;
    text += "  " + model_.describe(id);
    if (const auto view = broker_->core().job(id))
      text += fmt::format("; the core says {}", word(view->state));
    for (const JobId first : job.after) text += fmt::format(", after {}", first);
    for (const BatchId first : job.after_batches) text += fmt::format(", after batch {}", first);
    text += '\n';
  }
  for (const auto& client : clients_) {
    if (client->unanswered() != 0) text += "  " + client->describe() + '\n';
  }
  return text;
}

}  // namespace joinery::simulation
