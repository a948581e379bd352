// What is remembered of jobs that have ended, and when it is forgotten.
#include "broker/core/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/core/impl.h"
#include "shared/base/utf8.h"

namespace joinery::broker {
namespace {

constexpr std::size_t text_max = 1024;

}  // namespace

bool History::extends(const Run& last, const Run& run) {
  return last.first + last.count == run.first && last.ended_ms == run.ended_ms &&
         last.accepted_ms == run.accepted_ms && last.outcome == run.outcome && last.attempt == run.attempt &&
         last.handler == run.handler && last.batch == run.batch && last.parent == run.parent &&
         last.priority == run.priority && last.details == nullptr && run.details == nullptr;
}

std::size_t History::cost(const Run& run) {
  const std::size_t sum = sizeof run + run.key_size;
  if (run.details == nullptr) return sum;
  const Failure& failure = run.details->failure;
  return sum + sizeof(Details) + failure.type.size() + failure.message.size() + failure.where.size();
}

void History::add(Run&& run, std::string_view key, Interner& handlers) {
  JOINERY_CHECK(key.size() <= UINT8_MAX);
  jobs_ += run.count;
  if (runs_ != 0) {
    Block& block = blocks_.back();
    if (extends(block.runs.back(), run) && key_of(block, block.runs.back()) == key) {
      block.runs.back().count += run.count;
      block.high = std::max(block.high, run.first + run.count - 1);
      return;
    }
  }
  if (blocks_.empty() || blocks_.back().runs.size() == block_runs) {
    blocks_.emplace_back();
    if (blocks_.size() > 1) blocks_.back().runs.reserve(block_runs);  // there are many
  }
  Block& block = blocks_.back();
  if (!key.empty()) {
    run.key_at = static_cast<std::uint32_t>(block.names.size());
    run.key_size = static_cast<std::uint8_t>(key.size());
    block.names += key;
  }
  handlers.use(run.handler);
  ++runs_;
  bytes_ += cost(run);
  block.low = std::min(block.low, run.first);
  block.high = std::max(block.high, run.first + run.count - 1);
  block.runs.push_back(std::move(run));
}

void History::drop_oldest(Interner& handlers) {
  Run& run = blocks_.front().runs[front_];
  jobs_ -= run.count;
  --runs_;
  bytes_ -= cost(run);
  handlers.remove(run.handler);
  run.details.reset();
  if (++front_ != blocks_.front().runs.size()) return;
  front_ = 0;
  blocks_.erase(blocks_.begin());
}

const History::Run* History::find(JobId id, std::string_view& key) const {
  // From the latest one: a job that was retried may be there twice.
  for (std::size_t block = blocks_.size(); block-- > 0;) {
    if (id < blocks_[block].low || id > blocks_[block].high) continue;
    const std::vector<Run>& runs = blocks_[block].runs;
    for (std::size_t i = runs.size(); i-- > (block == 0 ? front_ : 0);) {
      if (id < runs[i].first || id >= runs[i].first + runs[i].count) continue;
      key = key_of(blocks_[block], runs[i]);
      return &runs[i];
    }
  }
  return nullptr;
}

// --- in the ledger ---

// Of a job that is about to be forgotten. Takes its failure.
void Ledger::remember(const Job& job, Outcome outcome, Wall at, const std::string& why, Fallout& fallout) {
  QueueState& queue = queue_of(job);
  if (queue.options.history_bytes == 0 || queue.options.history_age_ms == 0) return;
  History::Run run{.first = job.id,
                   .accepted_ms = job.accepted_ms,
                   .outcome = static_cast<std::uint8_t>(outcome),
                   .ended_ms = to_ms(at),
                   .attempt = static_cast<std::uint16_t>(std::min<std::uint32_t>(job.attempt, UINT16_MAX)),
                   .count = 1,
                   .handler = specs[job.spec].handler,
                   .batch = job.batch,
                   .priority = lines[job.line].priority,
                   .details = details_of(job, outcome, why)};
  if (job.extra != no_slot) run.parent = extras[job.extra].parent;
  const std::uint32_t key = job.extra == no_slot ? 0 : extras[job.extra].key;
  add_history(queue, std::move(run), key == 0 ? std::string_view() : keys.name(key), fallout);
}

std::unique_ptr<History::Details> Ledger::details_of(const Job& job, Outcome outcome,
                                                     const std::string& why) {
  Rare* rare = this->rare(job);
  const bool failed = rare != nullptr && rare->failure != nullptr;
  if (!failed && why.empty()) return nullptr;
  auto details = std::make_unique<History::Details>();
  if (failed) {
    details->failures = rare->failures;
    details->crashes = rare->crashes;
    details->losses = rare->losses;
    details->failure = std::move(*rare->failure);
  }
  Failure& failure = details->failure;
  if (!why.empty() && failed) {
    failure.message += "; then " + std::string(word(outcome)) + ": " + why;
  } else if (!why.empty()) {
    failure.code = outcome == Outcome::expired ? Code::expired : Code::cancelled;
    failure.message = why;
  }
  failure.dossier = {};
  for (std::string* text : {&failure.type, &failure.message, &failure.where})
    if (text->size() > text_max) *text = readable(*text, text_max);
  return details;
}

void Ledger::add_history(QueueState& queue, History::Run&& run, std::string_view key, Fallout& fallout) {
  if (queue.history.empty()) fallout.remembered.push_back(queue.id);
  history_bytes_ -= queue.history.bytes();
  queue.history.add(std::move(run), key, handlers);
  history_bytes_ += queue.history.bytes();
  if (queue.history.bytes() > queue.options.history_bytes) trim_history(queue, Wall::min());
  if (history_bytes_ > history_bytes_most_) crowd_out();
}

// Too many go some at a time: one by one, each is a look at memory that no cache holds any more.
void Ledger::trim_history(QueueState& queue, Wall before) {
  History& history = queue.history;
  constexpr std::size_t many = std::size_t{1} << 20U;
  const std::size_t most = queue.options.history_bytes;
  const std::size_t left = history.bytes() > most && most >= many ? most - most / 64 : most;
  history_bytes_ -= history.bytes();
  while (!history.empty() && (history.bytes() > left || history.oldest() < before)) {
    history.drop_oldest(handlers);
  }
  history_bytes_ += history.bytes();
}

// All of them together have grown too large: each in turn gives up a little.
void Ledger::crowd_out() {
  constexpr int at_once = 256;
  while (history_bytes_ > history_bytes_most_) {
    if (++crowd_hand_ >= queues.size()) crowd_hand_ = 1;
    History& history = queues[crowd_hand_].history;
    history_bytes_ -= history.bytes();
    for (int i = 0; i < at_once && !history.empty(); ++i) history.drop_oldest(handlers);
    history_bytes_ += history.bytes();
  }
}

bool Ledger::on(const change::PurgeHistory& change, Fallout&, std::uint64_t) {
  if (change.queue == 0 || change.queue >= queues.size()) return false;
  trim_history(queues[change.queue], change.before);
  return true;
}

const History::Run* Ledger::find_finished(JobId id, std::uint32_t& queue, std::string_view& key) const {
  for (const QueueState& one : queues) {
    if (const History::Run* run = one.history.find(id, key)) return queue = one.id, run;
  }
  return nullptr;
}

// --- decisions ---

// What is too old goes in strides, so that an idle broker wakes seldom for it.
void Core::Impl::age_history(Now now, std::uint32_t id) {
  constexpr Duration least = std::chrono::seconds(1);
  QueueState& queue = ledger.queues[id];
  const Duration age = history_age(queue);
  ledger.trim_history(queue, now.wall - age);
  queue.history.aged_at = never_wall;
  if (queue.history.empty()) return;
  queue.history.aged_at = std::max(queue.history.oldest() + age, now.wall) + std::max(least, age / 64);
  history_timers.add({queue.history.aged_at, id});
}

Duration Core::Impl::history_age(const QueueState& queue) {
  constexpr std::uint64_t most_ms = std::uint64_t{100} * 365 * 24 * 3'600'000;
  return std::chrono::milliseconds(std::min(queue.options.history_age_ms, most_ms));
}

void Core::Impl::fire_history(Now now) {
  for (HistoryTimer timer; history_timers.take_due(now.wall, timer);) {
    if (ledger.queues[timer.queue].history.aged_at == timer.at) age_history(now, timer.queue);
  }
}

Result<std::uint64_t> Core::Impl::verb(Now, const PurgeHistory& verb, Effects& effects) {
  const auto id = known_queue(verb.queue);
  if (!id) return std::unexpected(id.error());
  const History& history = ledger.queues[*id].history;
  const std::uint64_t before = history.jobs();
  if (before != 0 && history.oldest() < verb.ended_before)
    record(change::PurgeHistory{*id, verb.ended_before}, effects);
  return before - history.jobs();
}

}  // namespace joinery::broker
