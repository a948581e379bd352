// Groups of jobs with their Spec and Columns: the part of submit and finish where the bytes are.
#include <fmt/format.h>

#include "shared/protocol/group.h"

#include "shared/protocol/parts.h"

namespace joinery::protocol {
namespace {

// Counts the members of the map on a first walk and writes them on a second, so that the order is told once.
struct Counter {
  std::size_t members = 0;
  void u64(const char*, std::uint64_t value, std::uint64_t usual) { members += value != usual; }
  void f32(const char*, float value, float usual) { members += value != usual; }
  void str(const char*, const std::string& value, std::string_view usual) { members += value != usual; }
  void list(const char*, const auto& values) { members += !values.empty(); }
  void flag(const char*, bool value) { members += value; }
};
struct Differing {
  Writer& out;
  void u64(const char* key, std::uint64_t value, std::uint64_t usual) {
    if (value == usual) return;
    out.str(key);
    out.u64(value);
  }
  void f32(const char* key, float value, float usual) {
    if (value == usual) return;
    out.str(key);
    out.f32(value);
  }
  void str(const char* key, const std::string& value, std::string_view usual) {
    if (value == usual) return;
    out.str(key);
    out.str(value);
  }
  void flag(const char* key, bool value) {
    if (!value) return;
    out.str(key);
    out.boolean(value);
  }
  void list(const char* key, const std::vector<std::uint32_t>& values) {
    if (values.empty()) return;
    out.str(key);
    out.array(values.size());
    for (std::uint32_t value : values) out.u64(value);
  }
  void list(const char* key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    out.str(key);
    put(out, values);
  }
};

template <typename Visit>
void each_member(const Backoff& backoff, Visit& visit) {
  static const Backoff usual;
  visit.u64("initial_ms", backoff.initial_ms, usual.initial_ms);
  visit.u64("max_ms", backoff.max_ms, usual.max_ms);
  visit.f32("factor", backoff.factor, usual.factor);
  visit.f32("jitter", backoff.jitter, usual.jitter);
  visit.list("list_ms", backoff.list_ms);
}

template <typename Visit>
void each_member(const Unique& unique, Visit& visit) {
  constexpr Unique usual;
  visit.str("scope", std::string(word(unique.scope)), word(usual.scope));
  visit.str("until", std::string(word(unique.until)), word(usual.until));
  visit.str("on_conflict", std::string(word(unique.on_conflict)), word(usual.on_conflict));
  visit.u64("ttl_ms", unique.ttl_ms, usual.ttl_ms);
}

template <typename Visit>
void each_member(const Spec& spec, Visit& visit) {
  static const Spec usual;
  visit.str("handler", spec.handler, usual.handler);
  visit.str("content_type", spec.content_type, usual.content_type);
  visit.u64("attempts", spec.attempts, usual.attempts);
  visit.u64("crash_attempts", spec.crash_attempts, usual.crash_attempts);
  visit.u64("soft_timeout_ms", spec.soft_timeout_ms, usual.soft_timeout_ms);
  visit.u64("hard_timeout_ms", spec.hard_timeout_ms, usual.hard_timeout_ms);
  visit.u64("result_ttl_s", spec.result_ttl_s, usual.result_ttl_s);
  visit.u64("result_inline_max", spec.result_inline_max, usual.result_inline_max);
  visit.str("trace", spec.trace, usual.trace);
  visit.list("no_retry", spec.no_retry);
  visit.str("after", std::string(word(spec.after)), word(usual.after));
  visit.flag("inputs", spec.inputs);
  visit.flag("ordered", spec.ordered);
}

template <typename T>
std::size_t members_of(const T& value) {
  Counter counter;
  each_member(value, counter);
  return counter.members;
}

void put(Writer& out, const SpecOptions& said) {
  std::vector<std::string> words;
  for (std::uint8_t i = 0; i < SpecOptions::all; ++i) {
    const auto option = static_cast<SpecOption>(i);
    if (said.has(option)) words.emplace_back(word(option));
  }
  out.str("said");
  put(out, words);
}

void put(Writer& out, const Spec& spec) {
  const std::size_t in_backoff = members_of(spec.backoff);
  const std::size_t in_unique = spec.unique == Unique{} ? 0 : members_of(spec.unique);
  Differing differing{out};
  out.map(members_of(spec) + (in_backoff > 0) + (in_unique > 0) + spec.said.has_value());
  each_member(spec, differing);
  if (in_backoff != 0) {
    out.str("backoff");
    out.map(in_backoff);
    each_member(spec.backoff, differing);
  }
  if (in_unique != 0) {
    out.str("unique");
    out.map(in_unique);
    each_member(spec.unique, differing);
  }
  if (spec.said) put(out, *spec.said);
}

template <typename E>
void one_word(Reader& in, const char* field, std::optional<E> (*from_word)(std::string_view),
              const char* expected, E& out) {
  const Bytes text = in.str(field);
  if (!in.ok()) return;
  if (const auto value = from_word(text)) {
    out = *value;
  } else {
    in.refuse(Code::invalid_argument, fmt::format("{} is {}, expected {}", field, text, expected), field);
  }
}

Unique read_unique(Reader& in) {
  Unique unique;
  const std::uint32_t members = in.map("spec.unique");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("spec.unique's key");
    if (key == "scope") {
      one_word(in, "spec.unique.scope", unique_scope_from_word, "queue or batch", unique.scope);
    } else if (key == "until") {
      one_word(in, "spec.unique.until", unique_until_from_word, "started, finished, succeeded or time",
               unique.until);
    } else if (key == "on_conflict") {
      one_word(in, "spec.unique.on_conflict", on_conflict_from_word, "refuse, ignore or replace",
               unique.on_conflict);
    } else if (key == "ttl_ms") {
      unique.ttl_ms = in.u64("spec.unique.ttl_ms");
    } else {
      unknown_key(in, "spec.unique", key);
    }
  }
  return unique;
}

Backoff read_backoff(Reader& in, SpecOptions& there) {
  Backoff backoff;
  const std::uint32_t members = in.map("spec.backoff");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("spec.backoff's key");
    if (key == "initial_ms") {
      backoff.initial_ms = in.u32("spec.backoff.initial_ms");
    } else if (key == "max_ms") {
      backoff.max_ms = in.u32("spec.backoff.max_ms");
    } else if (key == "factor") {
      backoff.factor = static_cast<float>(in.number("spec.backoff.factor"));
    } else if (key == "jitter") {
      backoff.jitter = static_cast<float>(in.number("spec.backoff.jitter"));
      there.add(SpecOption::jitter);
    } else if (key == "list_ms") {
      backoff.list_ms.resize(in.array("spec.backoff.list_ms"));
      for (std::uint32_t& delay : backoff.list_ms) delay = in.u32("spec.backoff.list_ms");
    } else {
      unknown_key(in, "spec.backoff", key);
    }
  }
  return backoff;
}

SpecOptions read_said(Reader& in) {
  SpecOptions said;
  std::vector<std::string> words;
  texts(in, "spec.said", words);
  for (const std::string& text : words) {
    if (const auto option = spec_option_from_word(text)) {
      said.add(*option);
    } else if (in.ok()) {
      in.refuse(Code::invalid_argument,
                fmt::format("spec.said has {}, which is no option that a queue has a default for", text),
                "spec.said");
    }
  }
  return said;
}

// Options that are there were chosen, also those that have the value of their default.
void tell_said(Spec& spec, SpecOptions there) {
  SpecOptions differing;
  for (std::uint8_t i = 0; i < SpecOptions::all; ++i) {
    if (says(spec, static_cast<SpecOption>(i))) differing.add(static_cast<SpecOption>(i));
  }
  if (there != differing) spec.said = there;
}

Spec read_spec(Reader& in) {
  Spec spec;
  SpecOptions there;
  const std::uint32_t members = in.map("spec");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("spec's key");
    if (const auto option = spec_option_from_word(key)) there.add(*option);
    if (key == "handler") {
      spec.handler = in.str("spec.handler");
    } else if (key == "content_type") {
      spec.content_type = in.str("spec.content_type");
    } else if (key == "attempts") {
      spec.attempts = in.u32("spec.attempts");
    } else if (key == "crash_attempts") {
      spec.crash_attempts = in.u32("spec.crash_attempts");
    } else if (key == "soft_timeout_ms") {
      spec.soft_timeout_ms = in.u32("spec.soft_timeout_ms");
    } else if (key == "hard_timeout_ms") {
      spec.hard_timeout_ms = in.u32("spec.hard_timeout_ms");
    } else if (key == "result_ttl_s") {
      spec.result_ttl_s = in.u32("spec.result_ttl_s");
    } else if (key == "result_inline_max") {
      spec.result_inline_max = in.u32("spec.result_inline_max");
    } else if (key == "trace") {
      spec.trace = in.str("spec.trace");
    } else if (key == "ordered") {
      spec.ordered = in.boolean("spec.ordered");
    } else if (key == "backoff") {
      spec.backoff = read_backoff(in, there);
    } else if (key == "no_retry") {
      texts(in, "spec.no_retry", spec.no_retry);
    } else if (key == "unique") {
      spec.unique = read_unique(in);
    } else if (key == "after") {
      one_word(in, "spec.after", after_from_word, "succeeded or finished", spec.after);
    } else if (key == "inputs") {
      spec.inputs = in.boolean("spec.inputs");
    } else if (key == "said") {
      spec.said = read_said(in);
    } else {
      unknown_key(in, "spec", key);
    }
  }
  if (!spec.said) tell_said(spec, there);
  return spec;
}

void put(Writer& out, const Columns& columns) {
  const std::size_t members =
      !columns.priority.empty() + !columns.delay_ms.empty() + !columns.run_at_ms.empty() +
      !columns.expires_at_ms.empty() + !columns.key.empty() + !columns.unique_key.empty() +
      !columns.deadline_ms.empty() + !columns.after.empty() + !columns.after_batches.empty();
  const auto numbers = [&out](const char* key, const auto& column) {
    if (column.empty()) return;
    out.str(key);
    out.array(column.size());
    for (auto value : column) {
      if constexpr (std::is_signed_v<decltype(value)>) {
        out.i64(value);
      } else {
        out.u64(value);
      }
    }
  };
  const auto names = [&out](const char* key, const std::vector<std::string>& column) {
    if (column.empty()) return;
    out.str(key);
    put(out, column);
  };
  out.map(members);
  numbers("priority", columns.priority);
  numbers("delay_ms", columns.delay_ms);
  numbers("run_at_ms", columns.run_at_ms);
  numbers("expires_at_ms", columns.expires_at_ms);
  names("key", columns.key);
  names("unique_key", columns.unique_key);
  numbers("deadline_ms", columns.deadline_ms);
  const auto lists = [&out](const char* key, const auto& column) {
    if (column.empty()) return;
    out.str(key);
    out.array(column.size());
    for (const auto& ids : column) {
      out.array(ids.size());
      for (auto id : ids) out.i64(static_cast<std::int64_t>(id));
    }
  };
  lists("after", columns.after);
  lists("after_batches", columns.after_batches);
}

void clear(Columns& columns) {
  columns.priority.clear();
  columns.delay_ms.clear();
  columns.run_at_ms.clear();
  columns.expires_at_ms.clear();
  columns.key.clear();
  columns.unique_key.clear();
  columns.deadline_ms.clear();
  columns.after.clear();
  columns.after_batches.clear();
}

void numbers(Reader& in, const char* field, std::vector<std::int64_t>& out) {
  out.resize(in.array(field));
  for (std::int64_t& value : out) value = in.i64(field);
}

void read_columns(Reader& in, Columns& out) {
  const std::uint32_t members = in.map("columns");
  for (std::uint32_t i = 0; i < members && in.ok(); ++i) {
    const Bytes key = in.str("columns' key");
    if (key == "priority") {
      numbers(in, "columns.priority", out.priority);
    } else if (key == "delay_ms") {
      job_ids(in, "columns.delay_ms", out.delay_ms);
    } else if (key == "run_at_ms") {
      numbers(in, "columns.run_at_ms", out.run_at_ms);
    } else if (key == "expires_at_ms") {
      numbers(in, "columns.expires_at_ms", out.expires_at_ms);
    } else if (key == "key") {
      texts(in, "columns.key", out.key);
    } else if (key == "unique_key") {
      texts(in, "columns.unique_key", out.unique_key);
    } else if (key == "deadline_ms") {
      numbers(in, "columns.deadline_ms", out.deadline_ms);
    } else if (key == "after") {
      out.after.resize(in.array("columns.after"));
      for (auto& ids : out.after) numbers(in, "columns.after", ids);
    } else if (key == "after_batches") {
      out.after_batches.resize(in.array("columns.after_batches"));
      for (auto& ids : out.after_batches) job_ids(in, "columns.after_batches", ids);
    } else {
      unknown_key(in, "columns", key);
    }
  }
}

void read_payloads(Reader& in, std::size_t payload_max, RawGroup& out) {
  const std::uint32_t count = in.array("payloads");
  if (in.ok() && (count == 0 || count > limits::jobs_per_frame_max)) {
    in.refuse(Code::invalid_argument,
              fmt::format("payloads has {} elements, expected 1 to {}", count, limits::jobs_per_frame_max),
              "payloads");
    return;
  }
  out.payloads.resize(count);
  out.sizes.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Bytes payload = in.bin("payloads");
    if (payload.size() > payload_max) [[unlikely]] {
      return in.refuse(Code::payload_too_large,
                       fmt::format("payload {} of its group has {} bytes, expected at most {}", i,
                                   payload.size(), payload_max),
                       "payloads");
    }
    out.payloads[i] = payload;
    out.sizes[i] = static_cast<std::uint32_t>(payload.size());
  }
}

void check(Reader& in, const Result<>& checked) {
  if (!checked) in.refuse(checked.error().code, checked.error().message, checked.error().field);
}

}  // namespace

void encode_spec(const Spec& spec, Buffer& out) {
  Writer writer(out);
  put(writer, spec);
}

Result<Spec> decode_spec(Bytes raw) {
  Reader in(raw);
  Spec spec = read_spec(in);
  if (!in.done()) return std::unexpected(in.error());
  if (auto checked = validate(spec); !checked) return std::unexpected(checked.error());
  return spec;
}

void put(Writer& out, const Group& group) {
  out.array(6);
  out.str(group.queue);
  put(out, group.spec);
  out.u64(group.batch);
  out.u64(group.parent);
  out.array(group.payloads.size());
  for (Bytes payload : group.payloads) out.bin(payload);
  put(out, group.columns);
}

void encode_group(const Group& group, Buffer& out) {
  Writer writer(out);
  put(writer, group);
}

Result<> decode_group(Bytes raw, std::size_t payload_max, RawGroup& out) {
  Reader in(raw);
  group(in, payload_max, out);
  if (in.done()) return {};
  return std::unexpected(in.error());
}

void put(Writer& out, const std::vector<Group>& groups) {
  out.array(groups.size());
  for (const Group& group : groups) put(out, group);
}

void group(Reader& in, std::size_t payload_max, RawGroup& out) {
  in.array("group", 6);
  out.queue = in.str("queue");
  if (in.ok()) check(in, validate_name(out.queue, "queue"));
  out.spec = in.raw_map("spec");
  out.batch = in.u64("batch");
  out.parent = in.u64("parent");
  read_payloads(in, payload_max, out);
  out.has_columns = in.peek() != 0x80;
  clear(out.columns);
  read_columns(in, out.columns);
  if (in.ok() && out.has_columns) check(in, validate(out.columns, out.payloads.size()));
}

void groups(Reader& in, std::size_t payload_max, std::vector<Group>& out) {
  const std::uint32_t count = in.array("groups");
  out.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    RawGroup raw;
    group(in, payload_max, raw);
    if (!in.ok()) return;
    auto spec = decode_spec(raw.spec);
    if (!spec) return check(in, std::unexpected(spec.error()));
    out.push_back({std::string(raw.queue), std::move(*spec), raw.batch, raw.parent, std::move(raw.payloads),
                   std::move(raw.columns)});
  }
}

}  // namespace joinery::protocol
