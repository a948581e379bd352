#include "broker/core/snapshot.h"

namespace joinery::broker {
namespace {

// Whether a job that waits is as if it had been put with another, so many places behind it.
bool is_behind(const Job& job, const Job& first, std::uint32_t places) {
  return job.id == first.id + places && job.position == first.position + std::uint64_t{first.size} * places &&
         job.size == first.size && job.accepted_ms == first.accepted_ms && job.line == first.line &&
         job.spec == first.spec && job.batch == first.batch && job.attempt == first.attempt &&
         job.epoch == first.epoch && job.state == first.state && job.flags == first.flags &&
         job.extra == no_slot &&
         (job.get_state() != State::ready || job.order_or_holder == first.order_or_holder + places);
}

}  // namespace

void SnapshotWriter::write() {
  out_.put(std::uint32_t{1});
  out_.put(ledger_.epoch);
  out_.put(ledger_.next_job);
  out_.put(ledger_.next_batch);
  out_.put(ledger_.stamp());
  write_outcomes(ledger_.totals);
  out_.put(std::uint64_t{ledger_.specs.size()});
  for (const SpecState& spec : ledger_.specs) write_spec(spec);
  out_.put(std::uint64_t{ledger_.queues.size() - 1});
  for (const QueueState& queue : ledger_.queues) {
    if (queue.id != 0) write_queue(queue);
  }
  out_.put(std::uint64_t{ledger_.batches.size()});
  for (const auto& [id, batch] : ledger_.batches) {
    out_.put(id);
    out_.put(Bytes(batch.name));
    out_.put(batch.opened_at.time_since_epoch().count());
    out_.put(batch.settled);
    write_outcomes(batch.counts);
    out_.put(batch.parent);
    out_.put(batch.nested);
    out_.put(batch.spoiled);
    out_.put(batch.ghosts);
    const bool has_inner = batch.inner.finished() != 0;
    out_.put(static_cast<std::uint8_t>((batch.held ? 1U : 0U) | (batch.busy ? 2U : 0U) |
                                       (batch.ended ? 4U : 0U) | (batch.spoils ? 8U : 0U) |
                                       (batch.cancelled ? 16U : 0U) | (has_inner ? 32U : 0U)));
    if (has_inner) write_outcomes(batch.inner);
    out_.put(std::uint64_t{batch.children.size()});
    for (BatchId child : batch.children) out_.put(child);
  }
  write_jobs();
  std::uint64_t finished = 0;
  for (const auto& entry : ledger_.finished.entries()) finished += entry.id != 0 ? 1 : 0;
  out_.put(finished);
  for (const auto& entry : ledger_.finished.entries()) {
    if (entry.id == 0) continue;
    out_.put(entry.id);
    out_.put(entry.attempt);
    out_.put(entry.epoch);
    out_.put(entry.outcome);
  }
  out_.put(std::uint64_t{ledger_.logs.size()});
  for (const auto& [session, log] : ledger_.logs) {
    out_.put(session.high);
    out_.put(session.low);
    out_.put(log.last_sequence);
    out_.put(log.confirmed);
    out_.put(std::uint64_t{log.answers.size()});
    for (const change::Answer& answer : log.answers) write_answer(answer);
  }
  out_.put(std::uint64_t{ledger_.claims.timed_count()});
  ledger_.claims.for_each_timed([&](const ClaimKey& key, const Claim& claim) {
    out_.put(key.scope);
    out_.put(Bytes(ledger_.keys.name(key.key)));
    out_.put(claim.job);
    out_.put(claim.until.time_since_epoch().count());
  });
  write_limits();
  write_history();
  write_schedules();
}

void SnapshotWriter::write_outcomes(const Counts& counts) {
  for (std::uint64_t number : {counts.succeeded, counts.failed, counts.cancelled, counts.expired})
    out_.put(number);
}

void SnapshotWriter::write_spec(const SpecState& state) {
  const Spec& spec = state.spec;
  out_.put(Bytes(spec.handler));
  out_.put(Bytes(spec.content_type));
  out_.put(Bytes(spec.trace));
  for (std::uint32_t number : {spec.attempts, spec.crash_attempts, spec.soft_timeout_ms, spec.hard_timeout_ms,
                               spec.result_ttl_s, spec.result_inline_max}) {
    out_.put(number);
  }
  write_backoff(spec.backoff);
  write_texts(spec.no_retry);
  out_.put(spec.unique.scope);
  out_.put(spec.unique.until);
  out_.put(spec.unique.on_conflict);
  out_.put(spec.unique.ttl_ms);
  out_.put(spec.after);
  out_.put(std::uint8_t{spec.inputs});
  out_.put(std::uint8_t{spec.ordered});
  out_.put(state.idle);
}

void SnapshotWriter::write_backoff(const Backoff& backoff) {
  out_.put(backoff.initial_ms);
  out_.put(backoff.max_ms);
  out_.put(backoff.factor);
  out_.put(backoff.jitter);
  out_.put(std::uint64_t{backoff.list_ms.size()});
  for (std::uint32_t delay : backoff.list_ms) out_.put(delay);
}

void SnapshotWriter::write_texts(const std::vector<std::string>& texts) {
  out_.put(std::uint64_t{texts.size()});
  for (const std::string& text : texts) out_.put(Bytes(text));
}

void SnapshotWriter::write_defaults(const SpecDefaults& defaults) {
  for (const auto& number : {defaults.attempts, defaults.crash_attempts, defaults.soft_timeout_ms,
                             defaults.hard_timeout_ms, defaults.result_ttl_s}) {
    out_.put(std::uint8_t{number.has_value()});
    if (number) out_.put(*number);
  }
  out_.put(std::uint8_t{defaults.backoff.has_value()});
  if (defaults.backoff) write_backoff(*defaults.backoff);
  out_.put(std::uint8_t{defaults.no_retry.has_value()});
  if (defaults.no_retry) write_texts(*defaults.no_retry);
}

void SnapshotWriter::write_queue(const QueueState& queue) {
  out_.put(Bytes(queue.name));
  out_.put(queue.options.mode);
  out_.put(queue.options.durability);
  out_.put(queue.options.maxsize);
  out_.put(std::uint8_t{queue.options.fair});
  write_defaults(queue.options.defaults);
  out_.put(queue.options.history_bytes);
  out_.put(queue.options.history_age_ms);
  out_.put(std::uint8_t{queue.paused});
  out_.put(Bytes(queue.paused_by));
  out_.put(Bytes(queue.pause_reason));
  out_.put(queue.paused_since.time_since_epoch().count());
  out_.put(queue.front);
  out_.put(queue.back);
  write_outcomes(queue.counts);
}

void SnapshotWriter::write_jobs() {
  out_.put(std::uint64_t{ledger_.holder_of.size()});
  for (const auto& [session, number] : ledger_.holder_of) {
    out_.put(session.high);
    out_.put(session.low);
    holders_.emplace(session, static_cast<std::uint32_t>(holders_.size()));
  }
  out_.put(std::uint64_t{ledger_.index.size()});
  const auto write_list = [&](Slot slot) {
    while (slot != no_slot) slot = write_line(slot);
  };
  for (const Line& line : ledger_.lines) write_list(line.head);
  for (const QueueState& queue : ledger_.queues) write_list(queue.parked_head);
  ledger_.for_each([&](Slot, const Job& job) {
    if (job.get_state() != State::ready && job.get_state() != State::parked) write_job(job);
  });
}

// A job of a line with those that were put together with it. The slot behind them.
Slot SnapshotWriter::write_line(Slot slot) {
  const Job& first = ledger_.jobs[slot];
  std::uint32_t more = 0;
  Slot next = first.next;
  const bool alone = first.extra != no_slot;
  while (!alone && next != no_slot && more + 1 < job_run_max &&
         is_behind(ledger_.jobs[next], first, more + 1)) {
    ++more;
    next = ledger_.jobs[next].next;
  }
  write_job(first, more);
  return next;
}

// id, position, accepted_ms, size, queue, spec, batch, attempt, epoch, state, flags, u8 has (1: priority,
// 2: extra, 4: a key and nothing else of that, 8: more of its kind), then by state: ready: order; running:
// number of the holder; scheduled: due; then what it has; then how many more there are: each with the next
// id, position and order, and otherwise the same.
void SnapshotWriter::write_job(const Job& job, std::uint32_t more_jobs) {
  const Line& line = ledger_.lines[job.line];
  const Extra* extra = ledger_.extra(job);
  const bool more = extra != nullptr && (extra->rare != no_slot || extra->unique != 0 || extra->parent != 0);
  const bool key_only = extra != nullptr && !more && extra->key != 0;
  out_.put(job.id);
  out_.put(job.position);
  out_.put(std::uint64_t{job.accepted_ms});
  for (std::uint32_t number : {job.size, line.queue, job.spec, job.batch, job.attempt, job.epoch})
    out_.put(number);
  out_.put(static_cast<std::uint8_t>(job.state));
  out_.put(static_cast<std::uint8_t>(job.flags));
  out_.put(static_cast<std::uint8_t>((line.priority != 0 ? 1U : 0U) | (more ? 2U : 0U) |
                                     (key_only ? 4U : 0U) | (more_jobs != 0 ? 8U : 0U)));
  if (job.get_state() == State::ready) out_.put(job.order_or_holder);
  if (job.get_state() == State::running) out_.put(holders_.at(ledger_.holders[job.order_or_holder].session));
  if (job.get_state() == State::scheduled) out_.put(job.due().time_since_epoch().count());
  if (line.priority != 0) out_.put(line.priority);
  if (key_only) out_.put(Bytes(ledger_.keys.name(extra->key)));
  if (more) write_extra(*extra);
  if (more_jobs != 0) out_.put(more_jobs);
}

void SnapshotWriter::write_extra(const Extra& extra) {
  static const Rare none;
  const Rare& rare = extra.rare == no_slot ? none : ledger_.rares[extra.rare];
  out_.put(extra.parent);
  out_.put(rare.expires.time_since_epoch().count());
  out_.put(rare.deadline.time_since_epoch().count());
  out_.put(rare.due.time_since_epoch().count());
  out_.put(Bytes(ledger_.keys.name(extra.key)));
  out_.put(Bytes(ledger_.keys.name(extra.unique)));
  for (std::uint32_t number : {rare.failures, rare.crashes, rare.losses, rare.schedule}) out_.put(number);
  out_.put(std::uint8_t{rare.failure != nullptr});
  if (rare.failure) write_failure(*rare.failure);
  out_.put(std::uint64_t{rare.waits == nullptr ? 0 : rare.waits->all.size()});
  if (rare.waits == nullptr) return;
  for (const Waits::For& first : rare.waits->all) {
    out_.put(first.id);
    out_.put(static_cast<std::uint8_t>((first.batch ? 1U : 0U) | (first.done ? 2U : 0U) |
                                       (first == rare.waits->broken ? 4U : 0U)));
  }
}

void SnapshotWriter::write_limits() {
  out_.put(std::uint64_t{ledger_.limits.size()});
  for (const auto& [_, limit] : ledger_.limits) {
    out_.put(Bytes(limit.pattern));
    for (std::uint32_t number : {limit.concurrency, limit.rate, limit.burst, limit.weight}) out_.put(number);
    out_.put(limit.period_ms);
    out_.put(limit.interval_ms);
  }
  out_.put(std::uint64_t{ledger_.held_nodes.size()});
  for (const auto& [_, held] : ledger_.held_nodes) {
    out_.put(Bytes(held.node));
    out_.put(held.interval_ms);
    out_.put(held.until.time_since_epoch().count());
    out_.put(held.at.time_since_epoch().count());
  }
}

void SnapshotWriter::write_failure(const Failure& failure) {
  out_.put(failure.code);
  for (const std::string* text : {&failure.type, &failure.message, &failure.where, &failure.dossier}) {
    out_.put(Bytes(*text));
  }
}

void SnapshotWriter::write_answer(const change::Answer& answer) {
  out_.put(answer.sequence);
  out_.put(answer.number);
  out_.put(std::uint8_t{answer.parked});
  out_.put(answer.until.time_since_epoch().count());
  out_.put(std::uint8_t{answer.watch});
  out_.put(std::uint64_t{answer.groups.size()});
  for (const GroupAnswer& group : answer.groups) {
    out_.put(group.first);
    out_.put(group.count);
    out_.put(group.level);
    out_.put(static_cast<std::uint8_t>((group.no_handler ? 1U : 0U) | (group.error ? 2U : 0U) |
                                       (group.existing ? 4U : 0U)));
    if (!group.error) continue;
    out_.put(group.error->code);
    out_.put(Bytes(group.error->message));
    out_.put(Bytes(group.error->field));
  }
}

}  // namespace joinery::broker
