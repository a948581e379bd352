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

bool History::alike(const Kept& last, const Run& run) {
  return last.first + last.count == run.first && last.ended_ms == run.ended_ms &&
         last.accepted_ms == run.accepted_ms && static_cast<Outcome>(last.outcome) == run.outcome &&
         last.attempt == run.attempt && last.handler == run.handler && last.batch == run.batch &&
         last.parent == run.parent && last.priority == run.priority && last.details == nullptr;
}

// Makes it part of the last run. False: it is another.
bool History::extend(Block& block, const Run& run) {
  Kept& last = block.runs.back();
  if (!alike(last, run) || (last.get_keys() == Keys::none) != run.key.empty()) return false;
  const bool same = last.get_keys() == Keys::none ||
                    (last.get_keys() == Keys::one && name_at(block.names, last.names_at) == run.key);
  if (!same) {
    const bool one_by_one = last.get_keys() == Keys::each || last.count == 1;
    if (!one_by_one || run.count != 1 || last.count >= keyed_run_max) return false;
    last.set_keys(Keys::each);
    append_name(block.names, run.key);
    bytes_ += 1 + run.key.size();
    ++block.pieces;
    ++pieces_;
  }
  last.count += run.count;
  block.high = std::max(block.high, run.first + run.count - 1);
  return true;
}

History::Block& History::block_for_next() {
  if (!blocks_.empty() && blocks_.back().runs.size() < block_runs &&
      blocks_.back().names.size() < block_names)
    return blocks_.back();
  blocks_.emplace_back();
  Block& block = blocks_.back();
  if (blocks_.size() > 1) {  // there are many, and they are alike
    const Block& before = blocks_[blocks_.size() - 2];
    block.runs.reserve(before.runs.size());
    block.names.reserve(before.names.size());
  }
  return block;
}

void History::keep(Kept& kept, const Run& run) {
  constexpr std::uint64_t bits48 = 0xffff'ffff'ffffULL;
  kept.first = run.first;
  kept.accepted_ms = run.accepted_ms & bits48;
  kept.outcome = static_cast<std::uint8_t>(run.outcome);
  kept.ended_ms = run.ended_ms & bits48;
  kept.attempt = run.attempt & UINT16_MAX;
  kept.count = run.count;
  kept.handler = run.handler;
  kept.batch = run.batch;
  kept.parent = run.parent;
  kept.priority = run.priority;
}

// With the key of its first job.
History::Run History::read(const Block& block, const Kept& kept) {
  const bool keyed = kept.get_keys() != Keys::none;
  return {.first = kept.first,
          .count = kept.count,
          .outcome = static_cast<Outcome>(kept.outcome),
          .accepted_ms = kept.accepted_ms,
          .ended_ms = kept.ended_ms,
          .attempt = static_cast<std::uint32_t>(kept.attempt),
          .handler = kept.handler,
          .batch = kept.batch,
          .parent = kept.parent,
          .priority = kept.priority,
          .key = keyed ? name_at(block.names, kept.names_at) : std::string_view(),
          .details = kept.details.get()};
}

void History::append_name(std::string& names, std::string_view name) {
  JOINERY_CHECK(name.size() <= UINT8_MAX);
  names += static_cast<char>(name.size());
  names += name;
}

std::string_view History::name_at(const std::string& names, std::size_t at) {
  return std::string_view(names).substr(at + 1, static_cast<std::uint8_t>(names[at]));
}

std::size_t History::bytes_of(const Block& block, std::size_t run) {
  const Kept& kept = block.runs[run];
  const std::size_t names_end =
      run + 1 == block.runs.size() ? block.names.size() : block.runs[run + 1].names_at;
  const std::size_t sum = sizeof kept + names_end - kept.names_at;
  if (kept.details == nullptr) return sum;
  const Failure& failure = kept.details->failure;
  return sum + sizeof(Details) + failure.type.size() + failure.message.size() + failure.where.size();
}

void History::add(const Run& run, std::unique_ptr<Details> details, Interner& handlers) {
  jobs_ += run.count;
  if (pieces_ != 0 && details == nullptr && extend(blocks_.back(), run)) return;
  Block& block = block_for_next();
  Kept& kept = block.runs.emplace_back();
  keep(kept, run);
  kept.details = std::move(details);
  kept.names_at = static_cast<std::uint32_t>(block.names.size());
  if (!run.key.empty()) {
    kept.set_keys(Keys::one);
    append_name(block.names, run.key);
  }
  handlers.use(run.handler);
  block.low = std::min(block.low, run.first);
  block.high = std::max(block.high, run.first + run.count - 1);
  ++block.pieces;
  ++pieces_;
  bytes_ += bytes_of(block, block.runs.size() - 1);
}

void History::drop_oldest(Interner& handlers) {
  Block& block = blocks_.front();
  Kept& kept = block.runs[front_];
  jobs_ -= kept.count;
  pieces_ -= kept.pieces();
  block.pieces -= kept.pieces();
  bytes_ -= bytes_of(block, front_);
  handlers.remove(kept.handler);
  kept.details.reset();
  if (++front_ != block.runs.size()) return;
  front_ = 0;
  blocks_.pop_front();
}

std::optional<History::Run> History::find(JobId id) const {
  // From the latest one: a job that was retried may be there twice.
  for (std::size_t block = blocks_.size(); block-- > 0;) {
    if (id < blocks_[block].low || id > blocks_[block].high) continue;
    const std::vector<Kept>& runs = blocks_[block].runs;
    for (std::size_t i = runs.size(); i-- > (block == 0 ? front_ : 0);) {
      if (id < runs[i].first || id >= runs[i].first + runs[i].count) continue;
      std::optional<Run> found;
      show(blocks_[block], runs[i], [&](const Run& run) {
        if (id < run.first + run.count && !found) found = run;
      });
      found->first = id;
      found->count = 1;
      return found;
    }
  }
  return std::nullopt;
}

// --- in the ledger ---

// Of a job that is about to be forgotten. Takes its failure.
void Ledger::remember(const Job& job, Outcome outcome, Wall at, const std::string& why, Fallout& fallout) {
  QueueState& queue = queue_of(job);
  if (queue.options.history_bytes == 0 || queue.options.history_age_ms == 0) return;
  const Extra* some = extra(job);
  const History::Run run{
      .first = job.id,
      .outcome = outcome,
      .accepted_ms = job.accepted_ms,
      .ended_ms = to_ms(at),
      .attempt = std::min<std::uint32_t>(job.attempt, UINT16_MAX),
      .handler = specs[job.spec].handler,
      .batch = job.batch,
      .parent = some == nullptr ? 0 : some->parent,
      .priority = lines[job.line].priority,
      .key = some == nullptr || some->key == 0 ? std::string_view() : keys.name(some->key)};
  add_history(queue, run, details_of(job, outcome, why), fallout);
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

void Ledger::add_history(QueueState& queue, const History::Run& run,
                         std::unique_ptr<History::Details> details, Fallout& fallout) {
  if (queue.history.empty()) fallout.remembered.push_back(queue.id);
  history_bytes_ -= queue.history.bytes();
  queue.history.add(run, std::move(details), handlers);
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

std::optional<History::Run> Ledger::find_finished(JobId id, std::uint32_t& queue) const {
  for (const QueueState& one : queues) {
    if (auto run = one.history.find(id)) return queue = one.id, run;
  }
  return std::nullopt;
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
