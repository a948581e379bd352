#include "shared/job/job.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "shared/base/utf8.h"
#include "shared/job/limit.h"

namespace joinery {
namespace {

template <typename E, std::size_t N>
using Words = std::array<std::pair<E, std::string_view>, N>;

constexpr Words<Mode, 3> modes{{{Mode::fifo, "fifo"}, {Mode::lifo, "lifo"}, {Mode::priority, "priority"}}};
constexpr Words<Durability, 3> durabilities{
    {{Durability::sync, "sync"}, {Durability::interval, "interval"}, {Durability::none, "none"}}};
constexpr Words<State, 6> states{{{State::parked, "parked"},
                                  {State::scheduled, "scheduled"},
                                  {State::blocked, "blocked"},
                                  {State::ready, "ready"},
                                  {State::running, "running"},
                                  {State::failed, "failed"}}};
constexpr Words<Outcome, 4> outcomes{{{Outcome::succeeded, "succeeded"},
                                      {Outcome::failed, "failed"},
                                      {Outcome::cancelled, "cancelled"},
                                      {Outcome::expired, "expired"}}};
constexpr Words<UniqueScope, 2> scopes{{{UniqueScope::queue, "queue"}, {UniqueScope::batch, "batch"}}};
constexpr Words<UniqueUntil, 4> untils{{{UniqueUntil::finished, "finished"},
                                        {UniqueUntil::started, "started"},
                                        {UniqueUntil::succeeded, "succeeded"},
                                        {UniqueUntil::time, "time"}}};
constexpr Words<OnConflict, 3> conflicts{
    {{OnConflict::refuse, "refuse"}, {OnConflict::ignore, "ignore"}, {OnConflict::replace, "replace"}}};
constexpr Words<After, 2> afters{{{After::succeeded, "succeeded"}, {After::finished, "finished"}}};

template <typename E, std::size_t N>
std::string_view word_of(const Words<E, N>& words, E value) {
  for (const auto& [known, text] : words) {
    if (known == value) return text;
  }
  return "?";
}

template <typename E, std::size_t N>
std::optional<E> value_of(const Words<E, N>& words, std::string_view text) {
  for (const auto& [value, known] : words) {
    if (known == text) return value;
  }
  return std::nullopt;
}

Result<> validate_backoff(const Backoff& backoff) {
  if (!(backoff.factor >= 1.0F && backoff.factor <= 100.0F)) {
    return fail(Code::invalid_argument,
                fmt::format("spec.backoff.factor is {}, expected 1 to 100", backoff.factor),
                "spec.backoff.factor");
  }
  if (!(backoff.jitter >= 0.0F && backoff.jitter <= 1.0F)) {
    return fail(Code::invalid_argument,
                fmt::format("spec.backoff.jitter is {}, expected 0 to 1", backoff.jitter),
                "spec.backoff.jitter");
  }
  if (backoff.max_ms < backoff.initial_ms) {
    return fail(Code::invalid_argument,
                fmt::format("spec.backoff.max_ms is {}, expected at least spec.backoff.initial_ms ({})",
                            backoff.max_ms, backoff.initial_ms),
                "spec.backoff.max_ms");
  }
  if (backoff.list_ms.size() > limits::list_max) {
    return fail(Code::invalid_argument,
                fmt::format("spec.backoff.list_ms has {} delays, expected at most {}", backoff.list_ms.size(),
                            limits::list_max),
                "spec.backoff.list_ms");
  }
  return {};
}

constexpr std::uint64_t century_ms = 100ULL * 365 * 86'400'000;

Result<> validate_no_retry(const std::vector<std::string>& types) {
  if (types.size() > limits::list_max) {
    return fail(
        Code::invalid_argument,
        fmt::format("spec.no_retry has {} types, expected at most {}", types.size(), limits::list_max),
        "spec.no_retry");
  }
  for (const std::string& type : types) {
    if (auto checked = validate_name(type, "spec.no_retry"); !checked) return checked;
  }
  return {};
}

Result<> validate_unique(const Unique& unique) {
  const bool timed = unique.until == UniqueUntil::time;
  if (timed == (unique.ttl_ms != 0) && unique.ttl_ms <= century_ms) return {};
  return fail(Code::invalid_argument,
              fmt::format("spec.unique.ttl_ms is {}, expected {}", unique.ttl_ms,
                          timed ? "1 ms to a hundred years, since spec.unique.until is time"
                                : "none, since spec.unique.until is not time"),
              "spec.unique.ttl_ms");
}

Result<> validate_lengths(const Columns& columns, std::size_t jobs) {
  const std::pair<std::string_view, std::size_t> lengths[] = {
      {"columns.priority", columns.priority.size()},
      {"columns.delay_ms", columns.delay_ms.size()},
      {"columns.run_at_ms", columns.run_at_ms.size()},
      {"columns.expires_at_ms", columns.expires_at_ms.size()},
      {"columns.key", columns.key.size()},
      {"columns.unique_key", columns.unique_key.size()},
      {"columns.deadline_ms", columns.deadline_ms.size()},
      {"columns.after", columns.after.size()},
      {"columns.after_batches", columns.after_batches.size()},
  };
  for (const auto& [field, length] : lengths) {
    if (length != 0 && length != jobs) {
      return fail(Code::invalid_argument,
                  fmt::format("{} has {} values, expected one for each of {} payloads", field, length, jobs),
                  std::string(field));
    }
  }
  return {};
}

Result<> validate_times(const std::vector<std::int64_t>& times, const char* field) {
  for (std::int64_t at : times) {
    if (at < 0 || static_cast<std::uint64_t>(at) > 100 * century_ms) {
      return fail(Code::invalid_argument, fmt::format("{} is {}, expected Unix milliseconds", field, at),
                  field);
    }
  }
  return {};
}

template <typename Id>
Result<> validate_after(const std::vector<std::vector<Id>>& column, const char* field) {
  for (const auto& ids : column) {
    if (ids.size() > limits::after_max) {
      return fail(Code::invalid_argument,
                  fmt::format("{} has {} ids, expected at most {}", field, ids.size(), limits::after_max),
                  field);
    }
    for (Id id : ids) {
      if (id == 0) return fail(Code::invalid_argument, fmt::format("{} is 0, expected an id", field), field);
    }
  }
  return {};
}

Result<> validate_names(const std::vector<std::string>& names, const char* field) {
  for (const std::string& name : names) {
    if (name.empty()) continue;
    if (auto checked = validate_name(name, field); !checked) return checked;
  }
  return {};
}

}  // namespace

std::string to_hex(SessionId id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }

std::string_view word(Mode mode) { return word_of(modes, mode); }
std::string_view word(Durability durability) { return word_of(durabilities, durability); }
std::string_view word(State state) { return word_of(states, state); }
std::string_view word(Outcome outcome) { return word_of(outcomes, outcome); }
std::string_view word(UniqueScope scope) { return word_of(scopes, scope); }
std::string_view word(UniqueUntil until) { return word_of(untils, until); }
std::string_view word(OnConflict on_conflict) { return word_of(conflicts, on_conflict); }
std::string_view word(After after) { return word_of(afters, after); }
std::optional<Mode> mode_from_word(std::string_view text) { return value_of(modes, text); }
std::optional<Durability> durability_from_word(std::string_view text) { return value_of(durabilities, text); }
std::optional<State> state_from_word(std::string_view text) { return value_of(states, text); }
std::optional<Outcome> outcome_from_word(std::string_view text) { return value_of(outcomes, text); }
std::optional<UniqueScope> unique_scope_from_word(std::string_view text) { return value_of(scopes, text); }
std::optional<UniqueUntil> unique_until_from_word(std::string_view text) { return value_of(untils, text); }
std::optional<OnConflict> on_conflict_from_word(std::string_view text) { return value_of(conflicts, text); }
std::optional<After> after_from_word(std::string_view text) { return value_of(afters, text); }

Result<> validate_name(std::string_view name, std::string_view field) {
  if (name.empty() || name.size() > limits::name_max) {
    return fail(Code::invalid_argument,
                fmt::format("{} has {} bytes, expected 1 to {}", field, name.size(), limits::name_max),
                std::string(field));
  }
  bool ascii = true;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    ascii = ascii && byte < 0x80;
    if (byte < 0x20 || byte == 0x7f) {
      return fail(
          Code::invalid_argument,
          fmt::format("{} contains the control character 0x{:02x}, expected printable text", field, byte),
          std::string(field));
    }
  }
  if (!ascii && !is_utf8(name)) {
    return fail(Code::invalid_argument, fmt::format("{} is not UTF-8, expected text", field),
                std::string(field));
  }
  return {};
}

Result<> validate(const Spec& spec) {
  if (auto checked = validate_name(spec.handler, "spec.handler"); !checked) return checked;
  if (auto checked = validate_name(spec.content_type, "spec.content_type"); !checked) return checked;
  if (spec.attempts == 0)
    return fail(Code::invalid_argument, "spec.attempts is 0, expected at least 1", "spec.attempts");
  if (spec.result_ttl_s > century_ms / 1000)
    return fail(Code::invalid_argument,
                fmt::format("spec.result_ttl_s is {}, expected at most a hundred years", spec.result_ttl_s),
                "spec.result_ttl_s");
  if (spec.result_inline_max > limits::result_inline_max)
    return fail(Code::invalid_argument,
                fmt::format("spec.result_inline_max is {}, expected at most {}", spec.result_inline_max,
                            limits::result_inline_max),
                "spec.result_inline_max");
  if (spec.crash_attempts == 0)
    return fail(Code::invalid_argument, "spec.crash_attempts is 0, expected at least 1",
                "spec.crash_attempts");
  if (spec.trace.size() > limits::name_max) {
    return fail(
        Code::invalid_argument,
        fmt::format("spec.trace has {} bytes, expected at most {}", spec.trace.size(), limits::name_max),
        "spec.trace");
  }
  if (auto checked = validate_no_retry(spec.no_retry); !checked) return checked;
  if (auto checked = validate_unique(spec.unique); !checked) return checked;
  return validate_backoff(spec.backoff);
}

Result<> validate(const Columns& columns, std::size_t jobs) {
  if (auto checked = validate_lengths(columns, jobs); !checked) return checked;
  for (std::uint64_t delay : columns.delay_ms) {
    if (delay > century_ms)
      return fail(Code::invalid_argument,
                  fmt::format("columns.delay_ms is {}, expected at most a hundred years", delay),
                  "columns.delay_ms");
  }
  if (auto checked = validate_times(columns.run_at_ms, "columns.run_at_ms"); !checked) return checked;
  if (auto checked = validate_times(columns.expires_at_ms, "columns.expires_at_ms"); !checked) return checked;
  if (auto checked = validate_times(columns.deadline_ms, "columns.deadline_ms"); !checked) return checked;
  if (auto checked = validate_after(columns.after, "columns.after"); !checked) return checked;
  if (auto checked = validate_after(columns.after_batches, "columns.after_batches"); !checked) return checked;
  for (const std::string& key : columns.key) {
    if (key.empty()) continue;
    if (auto checked = validate_key(key, "columns.key"); !checked) return checked;
  }
  return validate_names(columns.unique_key, "columns.unique_key");
}

Result<> validate_together(const Spec& spec, const Columns& columns) {
  if (spec.hard_timeout_ms != 0 && spec.soft_timeout_ms > spec.hard_timeout_ms)
    return fail(
        Code::invalid_argument,
        fmt::format("spec.soft_timeout_ms is {} ms, expected at most the {} ms of spec.hard_timeout_ms",
                    spec.soft_timeout_ms, spec.hard_timeout_ms),
        "spec.soft_timeout_ms");
  const auto lonely = [](const char* field, const char* needs) {
    return fail(Code::invalid_argument, fmt::format("{} is given, expected {} with it", field, needs), field);
  };
  if (spec.unique != Unique{} && columns.unique_key.empty())
    return lonely("spec.unique", "the column unique_key");
  if (spec.after == After::finished && columns.after.empty() && columns.after_batches.empty())
    return lonely("spec.after", "the column after or after_batches");
  if (spec.inputs && columns.after.empty()) return lonely("spec.inputs", "the column after");
  if (spec.ordered && columns.key.empty()) return lonely("spec.ordered", "the column key");
  return {};
}

Result<> validate(const Group& group, std::size_t payload_max) {
  if (auto checked = validate_name(group.queue, "queue"); !checked) return checked;
  if (auto checked = validate(group.spec); !checked) return checked;
  if (group.payloads.empty())
    return fail(Code::invalid_argument, "payloads is empty, expected at least one", "payloads");
  if (group.payloads.size() > limits::jobs_per_frame_max) {
    return fail(Code::invalid_argument,
                fmt::format("payloads has {} elements, expected at most {}", group.payloads.size(),
                            limits::jobs_per_frame_max),
                "payloads");
  }
  for (Bytes payload : group.payloads) {
    if (payload.size() > payload_max) {
      return fail(Code::payload_too_large,
                  fmt::format("a payload has {} bytes, expected at most {}", payload.size(), payload_max),
                  "payloads");
    }
  }
  if (auto checked = validate(group.columns, group.payloads.size()); !checked) return checked;
  return validate_together(group.spec, group.columns);
}

}  // namespace joinery
