// One pair of functions per change, in the order of the table in docs/journal.md.
#include "broker/journal/change_codec.h"

#include <numeric>

#include "broker/journal/field_codec.h"
#include "broker/journal/put_codec.h"
#include "broker/journal/schedule_codec.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {
namespace {

enum AnswerFlags : std::uint8_t { has_error = 1, no_handler = 2, existing = 4, all_answer_flags = 7 };
enum UpdateFlags : std::uint8_t { new_priority = 1, new_due = 2, all_update_flags = 3 };

void write(FieldWriter& out, const change::Epoch& epoch) {
  out.varint(epoch.epoch);
  out.varint(epoch.next_job);
  out.varint(epoch.next_batch);
}
void read(FieldReader& in, change::Epoch& epoch) {
  epoch.epoch = in.u32();
  epoch.next_job = in.varint();
  epoch.next_batch = in.varint();
}

void write(FieldWriter& out, const change::Queue& queue) {
  out.varint(queue.id);
  out.string(queue.name);
  out.byte(static_cast<std::uint8_t>(queue.options.mode));
  out.byte(static_cast<std::uint8_t>(queue.options.durability));
  out.varint(queue.options.maxsize);
  out.flag(queue.options.fair);
  write(out, queue.options.defaults);
  out.varint(queue.options.history_bytes);
  out.varint(queue.options.history_age_ms);
  out.flag(queue.paused);
  out.string(queue.paused_by);
  out.string(queue.pause_reason);
  out.zig(micros(queue.paused_since));
}
void read(FieldReader& in, change::Queue& queue) {
  queue.id = in.u32();
  queue.name = in.string();
  queue.options.mode = static_cast<Mode>(in.byte_to(2));
  queue.options.durability = static_cast<Durability>(in.byte_to(2));
  queue.options.maxsize = in.varint();
  queue.options.fair = in.flag();
  read(in, queue.options.defaults);
  queue.options.history_bytes = in.varint();
  queue.options.history_age_ms = in.varint();
  queue.paused = in.flag();
  queue.paused_by = in.string();
  queue.pause_reason = in.string();
  queue.paused_since = wall(in.zig());
}

void write(FieldWriter& out, const change::DefineSpec& define) {
  const Spec& spec = define.spec;
  out.varint(define.id);
  out.string(spec.handler);
  out.string(spec.content_type);
  out.varint(spec.attempts);
  out.varint(spec.crash_attempts);
  write(out, spec.backoff);
  out.varint(spec.soft_timeout_ms);
  out.varint(spec.hard_timeout_ms);
  out.varint(spec.result_ttl_s);
  out.varint(spec.result_inline_max);
  out.string(spec.trace);
  write(out, spec.no_retry);
  out.byte(static_cast<std::uint8_t>(spec.unique.scope));
  out.byte(static_cast<std::uint8_t>(spec.unique.until));
  out.byte(static_cast<std::uint8_t>(spec.unique.on_conflict));
  out.varint(spec.unique.ttl_ms);
  out.byte(static_cast<std::uint8_t>(spec.after));
  out.flag(spec.inputs);
  out.flag(spec.ordered);
}
void read(FieldReader& in, change::DefineSpec& define) {
  Spec& spec = define.spec;
  define.id = in.u32();
  spec.handler = in.string();
  spec.content_type = in.string();
  spec.attempts = in.u32();
  spec.crash_attempts = in.u32();
  read(in, spec.backoff);
  spec.soft_timeout_ms = in.u32();
  spec.hard_timeout_ms = in.u32();
  spec.result_ttl_s = in.u32();
  spec.result_inline_max = in.u32();
  spec.trace = in.string();
  read(in, spec.no_retry);
  spec.unique.scope = static_cast<UniqueScope>(in.byte_to(1));
  spec.unique.until = static_cast<UniqueUntil>(in.byte_to(3));
  spec.unique.on_conflict = static_cast<OnConflict>(in.byte_to(2));
  spec.unique.ttl_ms = in.varint();
  spec.after = static_cast<After>(in.byte_to(1));
  spec.inputs = in.flag();
  spec.ordered = in.flag();
}

void write(FieldWriter& out, const change::OpenBatch& batch) {
  out.varint(batch.id);
  out.string(batch.name);
  out.zig(micros(batch.at));
  out.varint(batch.parent);
  out.flag(batch.held);
}
void read(FieldReader& in, change::OpenBatch& batch) {
  batch.id = in.varint();
  batch.name = in.string();
  batch.at = wall(in.zig());
  batch.parent = in.varint();
  batch.held = in.flag();
}

void write(FieldWriter& out, const change::Admit& admit) {
  out.varint(admit.first);
  out.varint(admit.count);
}
void read(FieldReader& in, change::Admit& admit) {
  admit.first = in.varint();
  admit.count = in.u32();
}

void write(FieldWriter& out, const change::Answer& answer) {
  write(out, answer.session);
  out.varint(answer.sequence);
  out.varint(answer.confirmed);
  out.varint(answer.number);
  out.flag(answer.parked);
  out.zig(micros(answer.until));
  out.flag(answer.watch);
  out.varint(answer.groups.size());
  for (const GroupAnswer& group : answer.groups) {
    out.varint(group.first);
    out.varint(group.count);
    out.byte(static_cast<std::uint8_t>(group.level));
    out.byte(static_cast<std::uint8_t>((group.error ? has_error : 0) | (group.no_handler ? no_handler : 0) |
                                       (group.existing ? existing : 0)));
    if (!group.error) continue;
    out.varint(static_cast<std::uint64_t>(group.error->code));
    out.string(group.error->message);
    out.string(group.error->field);
  }
}
void read(FieldReader& in, change::Answer& answer) {
  answer.session = read_session(in);
  answer.sequence = in.varint();
  answer.confirmed = in.varint();
  answer.number = in.varint();
  answer.parked = in.flag();
  answer.until = wall(in.zig());
  answer.watch = in.flag();
  answer.groups.resize(in.count(4));
  for (GroupAnswer& group : answer.groups) {
    group.first = in.varint();
    group.count = in.u32();
    group.level = static_cast<Durability>(in.byte_to(2));
    const unsigned flags = in.byte_to(all_answer_flags);
    group.no_handler = (flags & no_handler) != 0;
    group.existing = (flags & existing) != 0;
    if ((flags & has_error) == 0) continue;
    Error& error = group.error.emplace();
    error.code = read_code(in);
    error.message = in.string();
    error.field = in.string();
  }
}

void write(FieldWriter& out, const change::Start& start) {
  write(out, start.worker);
  write(out, start.runs);
}
void read(FieldReader& in, change::Start& start) {
  start.worker = read_session(in);
  read_runs(in, start.runs);
}

void write(FieldWriter& out, const change::Finish& finish) {
  out.byte(static_cast<std::uint8_t>(finish.outcome));
  out.zig(micros(finish.at));
  write(out, finish.runs);
  out.string(finish.why);
}
void read(FieldReader& in, change::Finish& finish) {
  finish.outcome = static_cast<Outcome>(in.byte_to(3));
  finish.at = wall(in.zig());
  read_runs(in, finish.runs);
  finish.why = in.string();
}

void write(FieldWriter& out, const change::Requeue& requeue) {
  write(out, requeue.token);
  out.byte(static_cast<std::uint8_t>(requeue.kind));
  out.flag(requeue.lost);
  out.zig(micros(requeue.due));
  write(out, requeue.failure);
}
void read(FieldReader& in, change::Requeue& requeue) {
  requeue.token = read_token(in);
  requeue.kind = static_cast<Report::Kind>(in.byte_to(5));
  requeue.lost = in.flag();
  requeue.due = wall(in.zig());
  requeue.failure = read_failure(in);
}

void write(FieldWriter& out, const change::Bury& bury) {
  write(out, bury.token);
  out.zig(micros(bury.at));
  write(out, bury.failure);
}
void read(FieldReader& in, change::Bury& bury) {
  bury.token = read_token(in);
  bury.at = wall(in.zig());
  bury.failure = read_failure(in);
}

void write(FieldWriter& out, const change::Revive& revive) {
  out.varint(revive.job);
  out.zig(micros(revive.at));
}
void read(FieldReader& in, change::Revive& revive) {
  revive.job = in.varint();
  revive.at = wall(in.zig());
}

void write(FieldWriter& out, const change::Drop& drop) {
  out.varint(drop.first);
  out.varint(drop.count);
  out.zig(micros(drop.at));
}
void read(FieldReader& in, change::Drop& drop) {
  drop.first = in.varint();
  drop.count = in.u32();
  drop.at = wall(in.zig());
}

void write(FieldWriter& out, const change::Move& move) {
  out.varint(move.job);
  out.varint(move.size);
}
void read(FieldReader& in, change::Move& move) {
  move.job = in.varint();
  move.size = in.u32();
}

void write(FieldWriter& out, const change::Cancelling& cancelling) { write(out, cancelling.runs); }
void read(FieldReader& in, change::Cancelling& cancelling) { read_runs(in, cancelling.runs); }

void write(FieldWriter& out, const change::Update& update) {
  out.varint(update.job);
  out.byte(static_cast<std::uint8_t>((update.priority ? new_priority : 0) | (update.due ? new_due : 0)));
  if (update.priority) out.zig(*update.priority);
  if (update.due) out.zig(micros(*update.due));
}
void read(FieldReader& in, change::Update& update) {
  update.job = in.varint();
  const unsigned flags = in.byte_to(all_update_flags);
  if ((flags & new_priority) != 0) update.priority = in.zig();
  if ((flags & new_due) != 0) update.due = wall(in.zig());
}

void write(FieldWriter& out, const change::Transfer& transfer) {
  out.varint(transfer.job);
  out.varint(transfer.queue);
}
void read(FieldReader& in, change::Transfer& transfer) {
  transfer.job = in.varint();
  transfer.queue = in.u32();
}

void write(FieldWriter& out, const change::CloseBatch& close) { out.varint(close.id); }
void read(FieldReader& in, change::CloseBatch& close) { close.id = in.varint(); }
void write(FieldWriter& out, const change::CancelBatch& cancel) { out.varint(cancel.id); }
void read(FieldReader& in, change::CancelBatch& cancel) { cancel.id = in.varint(); }
void write(FieldWriter& out, const change::SetLimit& set) {
  const Limit& limit = set.limit;
  out.string(limit.pattern);
  out.flag(set.removed);
  out.varint(limit.concurrency);
  out.varint(limit.rate);
  out.varint(limit.period_ms);
  out.varint(limit.burst);
  out.varint(limit.interval_ms);
  out.varint(limit.weight);
}
void read(FieldReader& in, change::SetLimit& set) {
  Limit& limit = set.limit;
  limit.pattern = in.string();
  set.removed = in.flag();
  limit.concurrency = in.u32();
  limit.rate = in.u32();
  limit.period_ms = in.varint();
  limit.burst = in.u32();
  limit.interval_ms = in.varint();
  limit.weight = in.u32();
}

void write(FieldWriter& out, const change::HoldKey& held) {
  out.string(held.node);
  out.varint(held.interval_ms);
  out.zig(micros(held.until));
  out.zig(micros(held.at));
}
void read(FieldReader& in, change::HoldKey& held) {
  held.node = in.string();
  held.interval_ms = in.varint();
  held.until = wall(in.zig());
  held.at = wall(in.zig());
}

void write(FieldWriter& out, const change::PurgeHistory& purge) {
  out.varint(purge.queue);
  out.zig(micros(purge.before));
}
void read(FieldReader& in, change::PurgeHistory& purge) {
  purge.queue = in.u32();
  purge.before = wall(in.zig());
}

template <typename T>
void read_as(FieldReader& in, Change& change) {
  T value;
  read(in, value);
  change = std::move(value);
}

}  // namespace

// The tag of a change is its place in the variant, from 1.
static_assert(std::variant_size_v<Change::variant> == 24);

void encode_changes(std::span<const Change> changes, Buffer& out) {
  FieldWriter writer(out);
  for (const Change& change : changes) {
    writer.byte(static_cast<std::uint8_t>(change.index() + 1));
    std::visit([&writer](const auto& value) { write(writer, value); },
               static_cast<const Change::variant&>(change));
  }
}

std::uint64_t payload_bytes(const Change& change) {
  if (const auto* put = std::get_if<change::Put>(&change)) {
    return std::accumulate(put->sizes.begin(), put->sizes.end(), std::uint64_t{0});
  }
  const auto* move = std::get_if<change::Move>(&change);
  return move == nullptr ? 0 : move->size;
}

const Change* ChangeDecoder::next() {
  if (!good_ || in_.empty()) return nullptr;
  FieldReader in(in_);
  switch (in.byte()) {
    case 1: read_as<change::Epoch>(in, change_); break;
    case 2: read_as<change::Queue>(in, change_); break;
    case 3: read_as<change::DefineSpec>(in, change_); break;
    case 4: read_as<change::OpenBatch>(in, change_); break;
    case 5: {
      change::Put put;
      read(in, put, sizes_, due_, columns_);
      change_ = put;
      break;
    }
    case 6: read_as<change::Admit>(in, change_); break;
    case 7: read_as<change::Answer>(in, change_); break;
    case 8: read_as<change::Start>(in, change_); break;
    case 9: read_as<change::Finish>(in, change_); break;
    case 10: read_as<change::Requeue>(in, change_); break;
    case 11: read_as<change::Bury>(in, change_); break;
    case 12: read_as<change::Revive>(in, change_); break;
    case 13: read_as<change::Drop>(in, change_); break;
    case 14: read_as<change::Move>(in, change_); break;
    case 15: read_as<change::Cancelling>(in, change_); break;
    case 16: read_as<change::Update>(in, change_); break;
    case 17: read_as<change::Transfer>(in, change_); break;
    case 18: read_as<change::CloseBatch>(in, change_); break;
    case 19: read_as<change::CancelBatch>(in, change_); break;
    case 20: read_as<change::SetLimit>(in, change_); break;
    case 21: read_as<change::HoldKey>(in, change_); break;
    case 22: read_as<change::PurgeHistory>(in, change_); break;
    case 23: read_as<change::SetSchedule>(in, change_); break;
    case 24: read_as<change::Fired>(in, change_); break;
    default: in.bad();
  }
  good_ = in.good();
  in_ = in.rest();
  return good_ ? &change_ : nullptr;
}

}  // namespace joinery::broker::journal
