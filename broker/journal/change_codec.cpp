// One pair of functions per change, in the order of the table in docs/journal.md.
#include "broker/journal/change_codec.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "broker/journal/schedule_codec.h"
#include "broker/journal/varint.h"
#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {

enum PutFlags : std::uint8_t {
  parked = 1,
  equal_sizes = 2,
  has_due = 4,
  has_columns = 8,
  all_put_flags = 15
};
enum ColumnFlags : std::uint16_t {
  priority = 1,
  delay = 2,
  run_at = 4,
  expires_at = 8,
  key = 16,
  unique_key = 32,
  deadline = 64,
  after = 128,
  after_batches = 256,
  all_columns = 511
};
enum AnswerFlags : std::uint8_t { has_error = 1, no_handler = 2, existing = 4, all_answer_flags = 7 };
enum UpdateFlags : std::uint8_t { new_priority = 1, new_due = 2, all_update_flags = 3 };

std::int64_t micros(Wall time) { return time.time_since_epoch().count(); }
Wall wall(std::int64_t value) { return Wall{Duration{value}}; }

// Fields that several changes share.

void write(FieldWriter& out, const SessionId& session) {
  out.u64(session.high);
  out.u64(session.low);
}
SessionId read_session(FieldReader& in) {
  SessionId session;
  session.high = in.u64();
  session.low = in.u64();
  return session;
}

void write(FieldWriter& out, const Token& token) {
  out.varint(token.job);
  out.varint(token.attempt);
  out.varint(token.epoch);
}
Token read_token(FieldReader& in) {
  Token token;
  token.job = in.varint();
  token.attempt = in.u32();
  token.epoch = in.u32();
  return token;
}

void write(FieldWriter& out, const Failure& failure) {
  out.varint(static_cast<std::uint64_t>(failure.code));
  out.string(failure.type);
  out.string(failure.message);
  out.string(failure.where);
  out.string(failure.dossier);
}
Code read_code(FieldReader& in) { return static_cast<Code>(in.varint_to(UINT16_MAX)); }
Failure read_failure(FieldReader& in) {
  Failure failure;
  failure.code = read_code(in);
  failure.type = in.string();
  failure.message = in.string();
  failure.where = in.string();
  failure.dossier = in.string();
  return failure;
}

void write(FieldWriter& out, const std::vector<Run>& runs) {
  out.varint(runs.size());
  JobId expected = 0;
  for (const Run& run : runs) {
    out.varint(zigzag(static_cast<std::int64_t>(run.first - expected)));
    out.varint(run.count);
    out.varint(run.attempt);
    out.varint(run.epoch);
    expected = run.first + run.count;
  }
}
void read_runs(FieldReader& in, std::vector<Run>& runs) {
  runs.resize(in.count(4));
  JobId expected = 0;
  for (Run& run : runs) {
    run.first = expected + static_cast<JobId>(in.zig());
    run.count = in.u32();
    run.attempt = in.u32();
    run.epoch = in.u32();
    expected = run.first + run.count;
  }
}

void write(FieldWriter& out, const Backoff& backoff) {
  out.varint(backoff.initial_ms);
  out.varint(backoff.max_ms);
  out.f32(backoff.factor);
  out.f32(backoff.jitter);
  out.varint(backoff.list_ms.size());
  for (std::uint32_t delay : backoff.list_ms) out.varint(delay);
}
void read(FieldReader& in, Backoff& backoff) {
  backoff.initial_ms = in.u32();
  backoff.max_ms = in.u32();
  backoff.factor = in.f32();
  backoff.jitter = in.f32();
  backoff.list_ms.resize(in.count(1));
  for (std::uint32_t& delay : backoff.list_ms) delay = in.u32();
}

void write(FieldWriter& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.string(text);
}
void read(FieldReader& in, std::vector<std::string>& texts) {
  texts.resize(in.count(1));
  for (std::string& text : texts) text = in.string();
}

void write(FieldWriter& out, std::uint32_t number) { out.varint(number); }
void read(FieldReader& in, std::uint32_t& number) { number = in.u32(); }

void write(FieldWriter& out, const SpecDefaults& defaults) {
  const auto one = [&out](const auto& value) {
    out.flag(value.has_value());
    if (value) write(out, *value);
  };
  for (const auto* number : {&defaults.attempts, &defaults.crash_attempts, &defaults.soft_timeout_ms,
                             &defaults.hard_timeout_ms, &defaults.result_ttl_s})
    one(*number);
  one(defaults.backoff);
  one(defaults.no_retry);
}
void read(FieldReader& in, SpecDefaults& defaults) {
  const auto one = [&in](auto& value) {
    if (in.flag()) read(in, value.emplace());
  };
  for (auto* number : {&defaults.attempts, &defaults.crash_attempts, &defaults.soft_timeout_ms,
                       &defaults.hard_timeout_ms, &defaults.result_ttl_s})
    one(*number);
  one(defaults.backoff);
  one(defaults.no_retry);
}

// The changes.

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

std::uint16_t flags_of(const Columns& columns) {
  return static_cast<std::uint16_t>(
      (columns.priority.empty() ? 0 : priority) | (columns.delay_ms.empty() ? 0 : delay) |
      (columns.run_at_ms.empty() ? 0 : run_at) | (columns.expires_at_ms.empty() ? 0 : expires_at) |
      (columns.key.empty() ? 0 : key) | (columns.unique_key.empty() ? 0 : unique_key) |
      (columns.deadline_ms.empty() ? 0 : deadline) | (columns.after.empty() ? 0 : after) |
      (columns.after_batches.empty() ? 0 : after_batches));
}
template <typename Id>
void write_lists(FieldWriter& out, const std::vector<std::vector<Id>>& column) {
  for (const std::vector<Id>& ids : column) {
    out.varint(ids.size());
    for (Id id : ids) out.varint(static_cast<std::uint64_t>(id));
  }
}
void write_columns(FieldWriter& out, const Columns& columns) {
  const auto same = [](std::uint64_t value) { return value; };
  out.varint(flags_of(columns));
  out.column(columns.priority, zigzag);
  out.column(columns.delay_ms, same);
  out.column(columns.run_at_ms, zigzag);
  out.column(columns.expires_at_ms, zigzag);
  for (const auto& name : columns.key) out.string(name);
  for (const auto& name : columns.unique_key) out.string(name);
  out.column(columns.deadline_ms, zigzag);
  write_lists(out, columns.after);
  write_lists(out, columns.after_batches);
}
// Resizes `column` to `count` and reads each value, if the flag is set; a value takes at least one byte.
template <typename T, typename ReadOne>
void read_column(FieldReader& in, bool there, std::size_t count, std::vector<T>& column, ReadOne read_one) {
  column.clear();
  if (!there) return;
  if (count > in.left()) return in.bad();
  column.reserve(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) column.emplace_back(read_one());
}
template <typename Id>
std::vector<Id> read_ids(FieldReader& in) {
  std::vector<Id> ids(in.count(1));
  for (Id& id : ids) id = static_cast<Id>(in.varint());
  return ids;
}
void read_columns(FieldReader& in, std::size_t count, Columns& columns) {
  const auto there = static_cast<unsigned>(in.varint_to(all_columns));
  const auto zig = [&in] { return in.zig(); };
  const auto string = [&in] { return in.string(); };
  read_column(in, (there & priority) != 0, count, columns.priority, zig);
  read_column(in, (there & delay) != 0, count, columns.delay_ms, [&in] { return in.varint(); });
  read_column(in, (there & run_at) != 0, count, columns.run_at_ms, zig);
  read_column(in, (there & expires_at) != 0, count, columns.expires_at_ms, zig);
  read_column(in, (there & key) != 0, count, columns.key, string);
  read_column(in, (there & unique_key) != 0, count, columns.unique_key, string);
  read_column(in, (there & deadline) != 0, count, columns.deadline_ms, zig);
  read_column(in, (there & after) != 0, count, columns.after, [&in] { return read_ids<std::int64_t>(in); });
  read_column(in, (there & after_batches) != 0, count, columns.after_batches,
              [&in] { return read_ids<BatchId>(in); });
}

void check_lengths(const change::Put& put) {
  const auto fits = [&put](const auto& column) { return column.empty() || column.size() == put.count; };
  JOINERY_CHECK(put.count <= jobs_per_put_max);
  JOINERY_CHECK(put.sizes.size() == put.count);
  JOINERY_CHECK(fits(put.due));
  if (put.columns == nullptr) return;
  JOINERY_CHECK(fits(put.columns->priority) && fits(put.columns->delay_ms) && fits(put.columns->run_at_ms));
  JOINERY_CHECK(fits(put.columns->deadline_ms) && fits(put.columns->after) &&
                fits(put.columns->after_batches));
  JOINERY_CHECK(fits(put.columns->expires_at_ms) && fits(put.columns->key) && fits(put.columns->unique_key));
}
void write(FieldWriter& out, const change::Put& put) {
  check_lengths(put);
  const bool equal = std::ranges::adjacent_find(put.sizes, std::not_equal_to{}) == put.sizes.end();
  const bool columns = put.columns != nullptr && flags_of(*put.columns) != 0;
  out.varint(put.first);
  out.varint(put.count);
  out.varint(put.queue);
  out.varint(put.spec);
  out.varint(put.batch);
  out.varint(put.parent);
  out.zig(micros(put.at));
  out.byte(static_cast<std::uint8_t>((put.parked ? parked : 0) | (equal ? equal_sizes : 0) |
                                     (put.due.empty() ? 0 : has_due) | (columns ? has_columns : 0)));
  if (equal) {
    out.varint(put.sizes.empty() ? 0 : put.sizes.front());
  } else {
    out.column(put.sizes, [](std::uint32_t size) { return size; });
  }
  out.column(put.due, [&put](Wall due) { return zigzag(minus(micros(due), micros(put.at))); });
  if (columns) write_columns(out, *put.columns);
}
// The views of the Put are into the vectors given.
void read(FieldReader& in, change::Put& put, std::vector<std::uint32_t>& sizes, std::vector<Wall>& due,
          Columns& columns) {
  put.first = in.varint();
  put.count = static_cast<std::uint32_t>(in.varint_to(jobs_per_put_max));
  put.queue = in.u32();
  put.spec = in.u32();
  put.batch = in.varint();
  put.parent = in.varint();
  put.at = wall(in.zig());
  const unsigned flags = in.byte_to(all_put_flags);
  put.parked = (flags & parked) != 0;
  if ((flags & equal_sizes) != 0) {
    sizes.assign(put.count, in.u32());
  } else {
    read_column(in, true, put.count, sizes, [&in] { return in.u32(); });
  }
  read_column(in, (flags & has_due) != 0, put.count, due,
              [&] { return wall(plus(micros(put.at), in.zig())); });
  if ((flags & has_columns) != 0) {
    read_columns(in, put.count, columns);
    put.columns = &columns;
  }
  put.sizes = sizes;
  put.due = due;
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
