#include "broker/journal/put_codec.h"

#include <algorithm>
#include <functional>

#include "broker/journal/field_codec.h"
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

}  // namespace

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

}  // namespace joinery::broker::journal
