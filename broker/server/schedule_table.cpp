#include "broker/server/schedule_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "broker/server/queue_defaults.h"
#include "broker/server/scheduler.h"
#include "broker/timetable/timetable.h"
#include "shared/protocol/group.h"
#include "shared/protocol/value.h"

namespace joinery::broker::server {

namespace {

using protocol::Value;
using Texts = std::vector<std::string>;

std::unexpected<Error> wrong(const std::string& key, std::string message) {
  return fail(Code::invalid_config, std::move(message), key);
}

// What a table says, before it is a schedule.
struct Draft {
  Schedule schedule;
  SpecDefaults options;
  Group group;
  std::string handler;
  std::optional<Texts> command;
  Texts args;
  std::string directory;
  std::vector<std::pair<std::string, std::string>> environment;
};

Result<> take_time(const std::string& key, const std::string& text, std::uint64_t& out) {
  const auto time = config::parse_duration(text);
  if (!time) return wrong(key, fmt::format("{} is {}", key, time.error().message));
  out = static_cast<std::uint64_t>(time->count());
  return {};
}

// For what would be over at once.
Result<> take_span(const std::string& key, const std::string& text, std::uint64_t& out) {
  Result<> taken = take_time(key, text, out);
  if (taken && out == 0) return wrong(key, fmt::format("{} is '{}', expected more than 0", key, text));
  return taken;
}

template <typename T>
Result<> take_number(const std::string& key, const std::string& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size()) return {};
  return wrong(key, fmt::format("{} is '{}'; expected a whole number", key, text));
}

template <typename T>
Result<> take_word(const std::string& key, const std::string& text, std::optional<T> value, const char* words,
                   T& out) {
  if (!value) return wrong(key, fmt::format("{} is '{}'; expected {}", key, text, words));
  out = *value;
  return {};
}

Result<> take_text(const std::string& key, const std::string& text, Draft& out) {
  if (key == "cron") return out.schedule.cron = text, Result<>{};
  if (key == "tz") return out.schedule.zone = text, Result<>{};
  if (key == "queue") return out.group.queue = text, Result<>{};
  if (key == "handler") return out.handler = text, Result<>{};
  if (key == "cwd") return out.directory = text, Result<>{};
  if (key == "key") return out.group.columns.key = {text}, Result<>{};
  if (key == "unique") return out.group.columns.unique_key = {text}, Result<>{};
  if (key == "delay") return take_time(key, text, out.group.columns.delay_ms.emplace_back());
  if (key == "priority") return take_number(key, text, out.group.columns.priority.emplace_back());
  if (key == "expires_in") return take_span(key, text, out.schedule.expires_in_ms);
  if (key == "deadline_in") return take_span(key, text, out.schedule.deadline_in_ms);
  if (key == "catch_up_max") return take_number(key, text, out.schedule.catch_up_max);
  if (key == "catch_up")
    return take_word(key, text, catch_up_from_word(text), "none, last or all", out.schedule.catch_up);
  return take_word(key, text, overlap_from_word(text), "allow, skip, queue or replace", out.schedule.overlap);
}

Result<> take(const std::string& key, const Texts& values, Draft& out) {
  if (std::ranges::find(default_keys(), key) != default_keys().end())
    return take_default(key, values, out.options);
  if (key == "command") return out.command = values, Result<>{};
  if (key == "args") return out.args = values, Result<>{};
  if (values.size() != 1) return wrong(key, fmt::format("{} takes one value", key));
  if (!key.starts_with("env.")) return take_text(key, values.front(), out);
  out.environment.emplace_back(key.substr(4), values.front());
  return {};
}

Value texts_value(const Texts& texts) {
  Value array = Value::array();
  for (const std::string& text : texts) array.push(text);
  return array;
}

// As `joinery submit` makes it.
Result<Buffer> payload_of(const Draft& draft) {
  if (draft.command.has_value() == !draft.handler.empty())
    return wrong("command", "expected a command, or a handler with its args");
  if (!draft.command) {
    if (!draft.directory.empty()) return wrong("cwd", "cwd is only for a command");
    if (!draft.environment.empty()) return wrong("env", "env is only for a command");
    return protocol::encode(texts_value(draft.args));
  }
  if (!draft.args.empty()) return wrong("args", "args is only for a handler; a command has its own");
  if (draft.command->empty() || draft.command->front().empty())
    return wrong("command", "command is empty, expected [\"PROGRAM\", \"ARGUMENT\", ...]");
  Value map = Value::map();
  map.set("argv", texts_value(*draft.command));
  if (!draft.directory.empty()) map.set("cwd", draft.directory);
  if (draft.environment.empty()) return protocol::encode(map);
  Value environment = Value::map();
  for (const auto& [name, value] : draft.environment) environment.set(name, value);
  map.set("env", std::move(environment));
  return protocol::encode(map);
}

// What the table says goes before the defaults of the queue.
void complete(const SpecDefaults& options, const config::Options::Table& entries, Spec& spec) {
  options.complete(spec);
  SpecOptions& said = spec.said.emplace();
  for (const auto& [key, _] : entries) {
    const auto option = spec_option_from_word(key == "timeout_soft"   ? "soft_timeout_ms"
                                              : key == "timeout_hard" ? "hard_timeout_ms"
                                              : key == "keep_result"  ? "result_ttl_s"
                                                                      : key);
    if (option) said.add(*option);
  }
}

// What the file calls a field of the wire, where the words differ.
std::string key_of(const std::string& field) {
  if (field == "spec.soft_timeout_ms") return "timeout_soft";
  if (field == "columns.delay_ms") return "delay";
  if (field == "columns.unique_key" || field.starts_with("spec.unique")) return "unique";
  if (field.ends_with("_in_ms")) return field.substr(0, field.size() - 3);
  return field;
}

}  // namespace

const std::vector<std::string>& schedule_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> all{"cron",    "tz",    "catch_up", "catch_up_max", "overlap",    "queue",
                                 "handler", "args",  "command",  "cwd",          "env.*",      "key",
                                 "unique",  "delay", "priority", "expires_in",   "deadline_in"};
    all.insert(all.end(), default_keys().begin(), default_keys().end());
    return all;
  }();
  return keys;
}

Result<Schedule> schedule_of_table(const std::string& name, const config::Options::Table& entries) {
  Draft draft;
  draft.schedule.name = name;
  draft.schedule.declared = true;
  for (const auto& [key, values] : entries) {
    if (Result<> taken = take(key, values, draft); !taken) return std::unexpected(taken.error());
  }
  if (draft.schedule.cron.empty()) return wrong("cron", "cron is missing");
  if (draft.schedule.catch_up != CatchUp::all &&
      std::ranges::find(entries, "catch_up_max", &std::pair<std::string, Texts>::first) != entries.end())
    return wrong("catch_up_max", "catch_up_max needs catch_up = \"all\"");
  const auto payload = payload_of(draft);
  if (!payload) return std::unexpected(payload.error());
  Group& group = draft.group;
  group.spec.handler = draft.command ? "exec" : draft.handler;
  complete(draft.options, entries, group.spec);
  group.payloads = {*payload};
  Result<> valid = validate(group, limits::schedule_bytes);
  protocol::encode_group(group, draft.schedule.group);
  if (valid) valid = validate(draft.schedule);
  if (valid) valid = validate_delay(draft.schedule, group.columns);
  if (valid) {
    const auto table = Timetable::make(draft.schedule.cron, draft.schedule.zone, {});
    if (!table) valid = std::unexpected(table.error());
  }
  if (!valid) return wrong(key_of(valid.error().field), valid.error().message);
  return std::move(draft.schedule);
}

}  // namespace joinery::broker::server
