#include "tests/simulation/broker_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "broker/journal/format.h"

namespace joinery::simulation {

using namespace broker;
using namespace std::chrono_literals;

namespace {

constexpr Duration interval = 100ms;  // of the durability of that name

CoreOptions core_options(const std::vector<Limit>& limits) {
  CoreOptions options;
  options.lease = 5s;
  options.finished_kept = 100'000;
  options.limits = limits;
  return options;
}

protocol::Welcome welcome(SessionId broker) {
  protocol::Welcome welcome;
  welcome.broker = broker;
  welcome.heartbeat_ms = 1000;
  welcome.lease_ms = 5000;
  welcome.frame_max = 16'384;
  welcome.payload_max = 8'192;
  return welcome;
}

}  // namespace

BrokerNode::BrokerNode(NodeId node, Network& network, Random random, Settings settings, Model& model)
    : Node(node, network, 0), random_(random), settings_(std::move(settings)), model_(model) {
  journal::Meta meta;
  meta.segment_bytes = settings_.segment_bytes;
  meta.id.fill('s');
  disk_.put("meta", journal::encode_meta(meta));
  network_.taken = [this](int connection, Bytes frame) { taken(connection, frame); };
  network_.given = [this](int connection, Bytes frame) { given(connection, frame); };
}

BrokerNode::~BrokerNode() {
  life_.reset();
  network_.taken = network_.given = nullptr;
}

JournalOptions BrokerNode::journal_options() const {
  JournalOptions options;
  options.segment_bytes = settings_.segment_bytes;
  options.record_bytes_max = settings_.segment_bytes / 2;
  options.checkpoint_bytes = settings_.checkpoint_bytes;
  options.tail_bytes = 20'000;
  options.own_thread = false;
  return options;
}

void BrokerNode::start() {
  disk_.set_capacity(settings_.disk_bytes);
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.core = std::make_unique<Core>(core_options(settings_.limits));
  server::Restore restore(*life.core);
  JournalOptions options = journal_options();
  options.later = [this, &life](std::function<void()> turn) {
    if (life_.get() != &life || life.starting) return turn();  // a life that ends waits for each
    const Instant last = life.syncs.empty() ? Instant{} : life.syncs.back().first;
    life.syncs.emplace_back(std::max(last, network_.now + random_.between(10us, settings_.sync_max)),
                            std::move(turn));
  };
  auto opened = journal::open_journal_in(disk_.mount(), options, restore,
                                         [&life](const Error& error) { life.fatal = error; });
  if (!opened) throw Broken(fmt::format("the journal does not open: {}", opened.error().message));
  model_.recovered((*opened)->end());
  life.journal = std::make_unique<WatchedJournal>(std::move(*opened), [this](Decided decided) {
    decided.at = network_.now;
    decided.now = local();
    note_seen(decided);
    model_.decided(std::move(decided));
  });
  server::retain_all(*life.core, *life.journal);
  check_payloads();
  settle_here();
  life.context = std::make_unique<transport::Context>();
  life.router = std::make_unique<transport::Router>(*life.context, transport::Router::Options{});
  life.redis = std::make_unique<server::RedisRunner>(server::RedisRunner::Options{.url = "none"});
  static_cast<void>(life.redis->start());
  life.engine = std::make_unique<server::Engine>(
      server::Engine::Parts{*life.core, *life.journal, *life.router, *life.redis},
      server::Engine::Settings{.welcome = welcome(restore.id()),
                               .endpoint = "simulation",
                               .data_dir = "simulation",
                               .queue_defaults = {}});
  life.engine->start(local());
  model_.compare(*life.core, local(), true);
  life.starting = false;
  life.next_interval_sync = network_.now + interval;
  static_cast<void>(life.router->bind("simulation"));
}

void BrokerNode::note_seen(const Decided& decided) {
  for (const Decided::Kept& kept : decided.changes) {
    seen_.changes.insert(kept.change.index());
    const auto* fired = std::get_if<change::Fired>(&kept.change);
    if (fired == nullptr) continue;
    const ScheduleState& schedule = model_.schedules().at(fired->schedule);
    if (std::ranges::any_of(schedule.runs, [&](JobId id) { return model_.job(id)->is_unfinished(); }))
      seen_.overlaps.insert(schedule.is.overlap);
  }
}

// Each payload can be read back, and is the one that was sent.
void BrokerNode::check_payloads() {
  life_->core->each_payload([this](JobId id, Place place) {
    Buffer payload;
    const auto read = life_->journal->read(place, payload);
    const ModelJob* job = model_.job(id);
    if (!read) throw Broken(fmt::format("the payload of job {} is lost: {}", id, read.error().message));
    if (job == nullptr || payload != job->payload)
      throw Broken(fmt::format("the payload of job {} is another", id));
  });
}

Instant BrokerNode::due() const {
  if (!life_) return never;
  const Now now = local();
  const Duration patience = life_->engine->patience(now);
  Instant next = std::min(network_.next_arrival(number), life_->next_interval_sync);
  if (patience != Duration::max()) next = std::min(next, clock.when(now.mono + patience, network_.now));
  if (!life_->syncs.empty()) next = std::min(next, life_->syncs.front().first);
  return next;
}

void BrokerNode::turn() {
  if (!life_) return;
  Life& life = *life_;
  while (!life.syncs.empty() && life.syncs.front().first <= network_.now && !life.fatal) {
    const auto turn = std::move(life.syncs.front().second);
    life.syncs.pop_front();
    turn();
  }
  if (!life.fatal && network_.now >= life.next_interval_sync) {
    life.journal->commit(true);
    life.next_interval_sync = network_.now + interval;
  }
  if (!life.fatal) life.engine->turn(local());
  if (life.fatal) {
    if (life.fatal->code == Code::disk_full)
      throw Broken("the disk is full, though room had been kept: " + life.fatal->message);
    return end_life(true);  // after a failed sync nobody knows what is left
  }
  if (model_.totals().unfinished() == 0 || ++compared_ % 16 == 0) {
    model_.compare(*life.core, local(), true);
  } else {
    model_.compare(*life.core, local(), false);
  }
}

void BrokerNode::stop() {
  if (!life_) return;
  life_->starting = true;  // it waits for each sync
  while (!life_->syncs.empty() && !life_->fatal) {
    const auto turn = std::move(life_->syncs.front().second);
    life_->syncs.pop_front();
    turn();
  }
  if (life_->fatal) return end_life(true);
  life_->journal->commit(true);
  life_->engine->turn(local());
  const testing::FakeDisk disk = disk_;
  life_.reset();
  disk_ = disk.after_kill();
  sessions_.clear();
  joins_.clear();
}

void BrokerNode::kill(bool power) {
  if (life_) end_life(power);
}

void BrokerNode::end_life(bool power) {
  const testing::FakeDisk left = power ? disk_.after_power_failure(random_.next()) : disk_.after_kill();
  life_.reset();  // its last words go to the old disk
  disk_ = left;
  sessions_.clear();
  joins_.clear();
}

void BrokerNode::break_disk(std::uint64_t operations) {
  if (life_) disk_.fail_after(operations);
}

void BrokerNode::mend_disk() { disk_.fail_after(std::numeric_limits<std::uint64_t>::max()); }

void BrokerNode::flip_a_bit() {
  const testing::FakeDisk copy = disk_.after_kill();
  const auto names = copy.names();
  const std::string& name = names[random_.below(names.size())];
  if (copy.size(name) == 0) return;
  const std::uint64_t offset = random_.below(copy.size(name));
  copy.flip(name, offset, static_cast<unsigned>(random_.below(8)));
  Core core(core_options(settings_.limits));
  server::Restore restore(core);
  auto opened = journal::open_journal_in(copy.mount(), journal_options(), restore, [](const Error&) {});
  if (!opened) return;
  Effects begun;
  core.start(local(), begun);
  model_.compare_past(core, local(), (*opened)->end());
  std::map<JobId, Place> places;
  core.each_payload([&](JobId id, Place place) { places[id] = place; });
  for (const auto& [id, place] : places) {
    Buffer payload;
    const ModelJob* job = model_.job(id);
    if ((*opened)->read(place, payload) && job != nullptr && job->put_end <= (*opened)->end() &&
        payload != job->payload)
      throw Broken(fmt::format("a flipped bit in {} at {} was not noticed: job {} has another payload", name,
                               offset, id));
  }
}

}  // namespace joinery::simulation
