// The state of the core, read from a checkpoint: the mirror of snapshot_write.cpp.
#include <fmt/format.h>

#include "broker/core/snapshot.h"

namespace joinery::broker {

Result<> SnapshotReader::read() {
  const auto format = in_.get<std::uint32_t>();
  if (format != 1) {
    return fail(Code::journal_corrupt, fmt::format("the checkpoint has format {}, expected 1", format));
  }
  in_.get(ledger_.epoch);
  in_.get(ledger_.next_job);
  in_.get(ledger_.next_batch);
  ledger_.set_stamp(in_.get<std::uint64_t>());
  read_outcomes(ledger_.totals);
  for (auto n = in_.count(50); n != 0 && in_.ok(); --n) read_spec();
  for (auto n = in_.count(50); n != 0 && in_.ok(); --n) read_queue();
  for (auto n = in_.count(50); n != 0 && in_.ok(); --n) read_batch();
  ledger_.link_batches();
  for (auto n = in_.count(16); n != 0 && in_.ok(); --n) {
    const auto high = in_.get<std::uint64_t>();
    holders_.push_back({high, in_.get<std::uint64_t>()});
  }
  for (auto n = in_.get<std::uint64_t>(); n != 0 && in_.ok();) n -= read_job(n);
  ledger_.sort_lines();
  for (auto n = in_.count(17); n != 0 && in_.ok(); --n) read_finished();
  for (auto n = in_.count(40); n != 0 && in_.ok(); --n) read_log();
  for (auto n = in_.count(28); n != 0 && in_.ok(); --n) read_claim();
  for (auto n = in_.count(40); n != 0 && in_.ok(); --n) read_limit();
  for (auto n = in_.count(28); n != 0 && in_.ok(); --n) read_held_node();
  read_history();
  read_schedules();
  if (in_.ok()) return {};
  return fail(Code::journal_corrupt, "the checkpoint has a value that is not allowed, or ends too early");
}

void SnapshotReader::read_outcomes(Counts& counts) {
  for (std::uint64_t* number : {&counts.succeeded, &counts.failed, &counts.cancelled, &counts.expired})
    in_.get(*number);
}

void SnapshotReader::read_spec() {
  Spec spec;
  spec.handler = read_name();
  spec.content_type = in_.text();
  spec.trace = in_.text();
  for (std::uint32_t* number : {&spec.attempts, &spec.crash_attempts, &spec.soft_timeout_ms,
                                &spec.hard_timeout_ms, &spec.result_ttl_s, &spec.result_inline_max}) {
    in_.get(*number);
  }
  spec.backoff = read_backoff();
  spec.no_retry = read_texts();
  spec.unique.scope = in_.get_enum(UniqueScope::batch);
  spec.unique.until = in_.get_enum(UniqueUntil::time);
  spec.unique.on_conflict = in_.get_enum(OnConflict::replace);
  in_.get(spec.unique.ttl_ms);
  spec.after = in_.get_enum(After::finished);
  spec.inputs = in_.get<std::uint8_t>() != 0;
  spec.ordered = in_.get<std::uint8_t>() != 0;
  ledger_.restore_spec(std::move(spec), in_.get<std::uint64_t>());
}

Backoff SnapshotReader::read_backoff() {
  Backoff backoff;
  in_.get(backoff.initial_ms);
  in_.get(backoff.max_ms);
  in_.get(backoff.factor);
  in_.get(backoff.jitter);
  for (auto n = in_.count(4); n != 0 && in_.ok(); --n) backoff.list_ms.push_back(in_.get<std::uint32_t>());
  return backoff;
}

std::vector<std::string> SnapshotReader::read_texts() {
  std::vector<std::string> texts;
  for (auto n = in_.count(4); n != 0 && in_.ok(); --n) texts.push_back(in_.text());
  return texts;
}

void SnapshotReader::read_defaults(SpecDefaults& defaults) {
  for (auto* number : {&defaults.attempts, &defaults.crash_attempts, &defaults.soft_timeout_ms,
                       &defaults.hard_timeout_ms, &defaults.result_ttl_s}) {
    if (in_.get<std::uint8_t>() != 0) *number = in_.get<std::uint32_t>();
  }
  if (in_.get<std::uint8_t>() != 0) defaults.backoff = read_backoff();
  if (in_.get<std::uint8_t>() != 0) defaults.no_retry = read_texts();
}

void SnapshotReader::read_queue() {
  QueueState queue;
  queue.name = in_.text();
  queue.options.mode = in_.get_enum(Mode::priority);
  queue.options.durability = in_.get_enum(Durability::none);
  in_.get(queue.options.maxsize);
  queue.options.fair = in_.get<std::uint8_t>() != 0;
  read_defaults(queue.options.defaults);
  in_.get(queue.options.history_bytes);
  in_.get(queue.options.history_age_ms);
  queue.paused = in_.get<std::uint8_t>() != 0;
  queue.paused_by = in_.text();
  queue.pause_reason = in_.text();
  queue.paused_since = Wall(Duration(in_.get<std::int64_t>()));
  in_.get(queue.front);
  in_.get(queue.back);
  read_outcomes(queue.counts);
  if (in_.ok() && !ledger_.restore_queue(std::move(queue))) in_.fail();
}

void SnapshotReader::read_batch() {
  BatchState batch;
  in_.get(batch.id);
  batch.name = in_.text();
  batch.opened_at = Wall(Duration(in_.get<std::int64_t>()));
  in_.get(batch.settled);
  read_outcomes(batch.counts);
  in_.get(batch.parent);
  in_.get(batch.nested);
  in_.get(batch.spoiled);
  in_.get(batch.ghosts);
  const auto flags = in_.get<std::uint8_t>();
  batch.held = (flags & 1U) != 0;
  batch.busy = (flags & 2U) != 0;
  batch.ended = (flags & 4U) != 0;
  batch.spoils = (flags & 8U) != 0;
  batch.cancelled = (flags & 16U) != 0;
  if ((flags & 32U) != 0) read_outcomes(batch.inner);
  for (auto n = in_.count(8); n != 0 && in_.ok(); --n) batch.children.push_back(in_.get<BatchId>());
  if (in_.ok() && !ledger_.restore_batch(std::move(batch))) in_.fail();
}

// One, or a run of at most `most`; how many.
std::uint64_t SnapshotReader::read_job(std::uint64_t most) {
  Job job;
  in_.get(job.id);
  in_.get(job.position);
  job.accepted_ms = in_.get<std::uint64_t>() & 0xffff'ffff'ffffULL;
  std::uint32_t queue = 0;
  for (std::uint32_t* number : {&job.size, &queue, &job.spec, &job.batch, &job.attempt, &job.epoch})
    in_.get(*number);
  const State state = in_.get_enum(State::failed);
  job.flags = in_.get<std::uint8_t>() & (flag_cancelling | flag_wall | flag_awaited | flag_begun);
  const auto has = in_.get<std::uint8_t>();
  SessionId holder;
  Wall due{};
  if (state == State::ready) in_.get(job.order_or_holder);
  if (state == State::running) {
    const auto number = in_.get<std::uint32_t>();
    if (number < holders_.size())
      holder = holders_[number];
    else
      in_.fail();
  }
  if (state == State::scheduled) due = Wall(Duration(in_.get<std::int64_t>()));
  const std::int64_t priority = (has & 1U) != 0 ? in_.get<std::int64_t>() : 0;
  if (queue == 0 || queue >= ledger_.queues.size() || job.spec >= ledger_.specs.size()) in_.fail();
  if (in_.ok() && (has & 2U) != 0) read_extra(job, queue);
  if (in_.ok() && (has & 4U) != 0) read_key(job);
  const std::uint64_t jobs = (has & 8U) != 0 ? in_.get<std::uint32_t>() + std::uint64_t{1} : 1;
  const bool waits = state == State::ready || state == State::parked;
  if (jobs > most || jobs > job_run_max || (jobs > 1 && (job.extra != no_slot || !waits))) in_.fail();
  for (std::uint64_t done = 0; done < jobs && in_.ok(); ++done) {
    if (!ledger_.restore_job(job, state, queue, priority, holder, due)) in_.fail();
    ++job.id;
    job.position += job.size;
    job.order_or_holder += state == State::ready ? 1 : 0;
  }
  return jobs;
}

void SnapshotReader::read_extra(Job& job, std::uint32_t queue) {
  Extra& extra = ledger_.need_extra(job);
  Rare rare;
  in_.get(extra.parent);
  rare.expires = Wall(Duration(in_.get<std::int64_t>()));
  rare.deadline = Wall(Duration(in_.get<std::int64_t>()));
  rare.due = Wall(Duration(in_.get<std::int64_t>()));
  if (const std::string key = read_name(); !key.empty()) extra.key = ledger_.keys.add(key);
  if (const std::string key = read_name(); !key.empty()) {
    extra.unique = ledger_.keys.add(key);
    const UniqueScope scope = ledger_.specs[job.spec].spec.unique.scope;
    ledger_.claims.take({ClaimKey::scope_of(scope, queue, job.batch), extra.unique}, {.job = job.id});
  }
  for (std::uint32_t* number : {&rare.failures, &rare.crashes, &rare.losses, &rare.schedule})
    in_.get(*number);
  if (in_.get<std::uint8_t>() != 0) rare.failure = std::make_unique<Failure>(read_failure());
  auto waits = std::make_unique<Waits>();
  for (auto n = in_.count(9); n != 0 && in_.ok(); --n) {
    const auto id = in_.get<std::uint64_t>();
    const auto is = in_.get<std::uint8_t>();
    waits->all.push_back({.id = id, .batch = (is & 1U) != 0, .done = (is & 2U) != 0});
    if ((is & 4U) != 0) waits->broken = waits->all.back();
    waits->left += (is & 2U) != 0 ? 0 : 1;
  }
  if (!waits->all.empty()) {
    ledger_.restore_waits(job.id, *waits);
    rare.waits = std::move(waits);
  }
  if (rare != Rare{}) ledger_.need_rare(job) = std::move(rare);
}

void SnapshotReader::read_key(Job& job) {
  const std::string key = read_name();
  if (key.empty()) return in_.fail();
  ledger_.need_extra(job).key = ledger_.keys.add(key);
}

std::string SnapshotReader::read_name() {
  std::string name = in_.text();
  if (name.size() <= Interner::name_max) return name;
  in_.fail();
  return {};
}

Code SnapshotReader::read_code() { return static_cast<Code>(in_.get<std::uint16_t>()); }

Failure SnapshotReader::read_failure() {
  Failure failure;
  failure.code = read_code();
  for (std::string* text : {&failure.type, &failure.message, &failure.where, &failure.dossier})
    *text = in_.text();
  return failure;
}

void SnapshotReader::read_finished() {
  FinishedRing::Entry entry;
  in_.get(entry.id);
  in_.get(entry.attempt);
  in_.get(entry.epoch);
  entry.outcome = in_.get_enum(Outcome::expired);
  if (in_.ok()) ledger_.finished.put(entry.id, entry.attempt, entry.epoch, entry.outcome);
}

void SnapshotReader::read_claim() {
  const auto scope = in_.get<std::uint64_t>();
  const std::string key = read_name();
  Claim claim;
  in_.get(claim.job);
  claim.until = Wall(Duration(in_.get<std::int64_t>()));
  if (in_.ok()) ledger_.restore_claim(scope, key, claim);
}

void SnapshotReader::read_log() {
  SessionId session;
  in_.get(session.high);
  in_.get(session.low);
  SessionLog log;
  in_.get(log.last_sequence);
  in_.get(log.confirmed);
  for (auto n = in_.count(27); n != 0 && in_.ok(); --n) {
    change::Answer answer = read_answer();
    answer.session = session;
    if (!log.answers.empty() && answer.sequence <= log.answers.back().sequence) return in_.fail();
    for (const GroupAnswer& group : answer.groups) {
      if (answer.parked && group.put()) ledger_.parked[group.first] = {group.count, session, answer.sequence};
    }
    log.answers.push_back(std::move(answer));
  }
  if (in_.ok()) ledger_.logs[session] = std::move(log);
}

void SnapshotReader::read_limit() {
  Limit limit;
  limit.pattern = in_.text();
  for (std::uint32_t* number : {&limit.concurrency, &limit.rate, &limit.burst, &limit.weight})
    in_.get(*number);
  in_.get(limit.period_ms);
  in_.get(limit.interval_ms);
  if (in_.ok()) ledger_.limits[limit.pattern] = limit;
}

void SnapshotReader::read_held_node() {
  change::HoldKey held;
  held.node = in_.text();
  in_.get(held.interval_ms);
  held.until = Wall(Duration(in_.get<std::int64_t>()));
  held.at = Wall(Duration(in_.get<std::int64_t>()));
  if (in_.ok()) ledger_.held_nodes[held.node] = held;
}

change::Answer SnapshotReader::read_answer() {
  change::Answer answer;
  in_.get(answer.sequence);
  in_.get(answer.number);
  answer.parked = in_.get<std::uint8_t>() != 0;
  answer.until = Wall(Duration(in_.get<std::int64_t>()));
  answer.watch = in_.get<std::uint8_t>() != 0;
  for (auto n = in_.count(14); n != 0 && in_.ok(); --n) {
    GroupAnswer& group = answer.groups.emplace_back();
    in_.get(group.first);
    in_.get(group.count);
    group.level = in_.get_enum(Durability::none);
    const auto has = in_.get<std::uint8_t>();
    group.no_handler = (has & 1U) != 0;
    group.existing = (has & 4U) != 0;
    if ((has & 2U) == 0) continue;
    Error& error = group.error.emplace();
    error.code = read_code();
    error.message = in_.text();
    error.field = in_.text();
  }
  return answer;
}

}  // namespace joinery::broker
