#include "producer/cli/flow_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "producer/cli/human.h"
#include "producer/cli/option_names.h"
#include "producer/cli/submission.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

using Texts = std::vector<std::string>;

// What a job says, before its options are made of it.
struct Draft : SubmissionFlags {
  std::optional<std::string> input;  // of a command
  std::optional<Texts> command;
  std::optional<Json> args;
  Texts after_jobs;
  bool after_any = false;
  bool inputs = false;
};

std::unexpected<Error> wrong(const std::string& field, const std::string& message) {
  return std::unexpected(wrong_field(field, message));
}

// --- values: each kind is read in one way ---

Result<> read(const Json& value, const std::string& field, std::string& out) {
  return read_field(value, field, out);
}

Result<> read(const Json& value, const std::string& field, Texts& out) {
  if (!value.is_array()) return wrong(field, "is no list of texts");
  for (const Json& one : value) {
    if (!one.is_string()) return wrong(field, "is no list of texts");
    out.push_back(one.get<std::string>());
  }
  return {};
}

Result<> read(const Json& value, const std::string& field, bool& out) {
  if (!value.is_boolean()) return wrong(field, "is neither true nor false");
  out = value.get<bool>();
  return {};
}

Result<> read(const Json& value, const std::string& field, milliseconds& out) {
  if (!value.is_string()) return wrong(field, "is no text with a duration, as \"5s\"");
  const auto time = parse_span(value.get<std::string>());
  if (!time) return wrong(field, "is " + time.error().message);
  out = *time;
  return {};
}

Result<> read(const Json& value, const std::string& field, Wall& out) {
  if (!value.is_string()) return wrong(field, "is no text with a time");
  const auto time = parse_time(value.get<std::string>());
  if (!time) return wrong(field, "is " + time.error().message);
  out = *time;
  return {};
}

Result<> read(const Json& value, const std::string& field, std::uint64_t& out) {
  if (value.is_number_unsigned()) out = value.get<std::uint64_t>();
  if (out != 0 && out <= UINT32_MAX) return {};
  return wrong(field,
               fmt::format("is {}, which is no whole number from 1 to {}", to_line(value), UINT32_MAX));
}

Result<> read(const Json& value, const std::string& field, std::int64_t& out) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits) return wrong(field, fmt::format("is {}, which is no whole number of 64 bits", to_line(value)));
  out = value.get<std::int64_t>();
  return {};
}

Result<> read(const Json& value, const std::string& field, Json& out) {
  if (!value.is_array()) return wrong(field, "is no list");
  out = value;
  return {};
}

template <typename T>
Result<> read(const Json& value, const std::string& field, std::optional<T>& out) {
  return read(value, field, out.emplace());
}

// --- keys ---

using Take = Result<> (*)(const Json& value, const std::string& field, Draft& draft);

template <auto member>
Result<> of(const Json& value, const std::string& field, Draft& draft) {
  return read(value, field, draft.*member);
}
template <auto member>
Result<> of_control(const Json& value, const std::string& field, Draft& draft) {
  return read(value, field, draft.control.*member);
}

Result<> take_jitter(const Json& value, const std::string& field, Draft& draft) {
  if (!value.is_number()) return wrong(field, "is no number from 0 to 1");
  draft.control.jitter = to_line(value);
  return {};
}

Result<> take_batches(const Json& value, const std::string& field, Draft& draft) {
  const auto is_id = [](const Json& one) {
    return one.is_number_unsigned() && one.get<std::uint64_t>() != 0;
  };
  if (!value.is_array() || !std::ranges::all_of(value, is_id))
    return wrong(field, "is no list of batches' ids");
  for (const Json& one : value) draft.control.after_batches.push_back(to_line(one));
  return {};
}

// The kernel's texts end at a NUL.
Result<> check_text(const std::string& text, const std::string& field) {
  if (!text.contains('\0')) return {};
  return wrong(field, "has a NUL character, which no command can be given");
}

Result<> take_environment(const Json& value, const std::string& field, Draft& draft) {
  const auto is_text = [](const Json& one) { return one.is_string(); };
  if (!value.is_object() || !std::ranges::all_of(value, is_text))
    return wrong(field, "is no object of texts by name");
  for (const auto& [name, text] : value.items()) {
    if (name.empty() || name.contains('='))
      return wrong(field,
                   fmt::format("has the name \"{}\", expected one that is not empty and has no =", name));
    draft.environment.push_back(name + "=" + text.get<std::string>());
    if (auto valid = check_text(draft.environment.back(), field); !valid) return valid;
  }
  return {};
}

struct Key {
  const char* name;
  Take take;
};

// To add one: its line in docs/job-control.md, then here.
constexpr Key keys[] = {
    {"handler", of<&Draft::handler>},
    {"command", of<&Draft::command>},
    {"args", of<&Draft::args>},
    {"stdin", of<&Draft::input>},
    {"cwd", of<&Draft::directory>},
    {"env", take_environment},
    {"after", of<&Draft::after_jobs>},
    {"after_batch", take_batches},
    {"after_any", of<&Draft::after_any>},
    {"inputs", of<&Draft::inputs>},
    {"queue", of<&Draft::queue>},
    {"priority", of<&Draft::priority>},
    {"attempts", of<&Draft::attempts>},
    {"crash_attempts", of<&Draft::crash_attempts>},
    {"backoff", of_control<&JobControlFlags::backoff>},
    {"jitter", take_jitter},
    {"no_retry", of_control<&JobControlFlags::no_retry>},
    {"keep_result", of<&Draft::keep_result>},
    {"delay", of<&Draft::delay>},
    {"run_at", of<&Draft::run_at>},
    {"expires_in", of<&Draft::expires_in>},
    {"deadline_in", of_control<&JobControlFlags::deadline_in>},
    {"timeout_soft", of<&Draft::timeout_soft>},
    {"timeout_hard", of<&Draft::timeout_hard>},
    {"key", of<&Draft::key>},
    {"ordered", of<&Draft::ordered>},
    {"unique", of_control<&JobControlFlags::unique>},
    {"unique_scope", of_control<&JobControlFlags::unique_scope>},
    {"unique_until", of_control<&JobControlFlags::unique_until>},
    {"on_conflict", of_control<&JobControlFlags::on_conflict>},
};

Result<> take(const std::string& name, const Json& value, const std::string& job, Draft& draft) {
  const auto known = std::ranges::find(keys, name, &Key::name);
  const bool may_be_empty = name == "stdin" || name == "handler";  // that is told as its name
  if (known != std::end(keys) && value.is_string() && !may_be_empty &&
      value.get_ref<const std::string&>().empty())
    return wrong(job + "." + name, "is an empty text, expected a value");
  if (known != std::end(keys)) return known->take(value, job + "." + name, draft);
  std::vector<std::string> names;
  for (const Key& key : keys) names.emplace_back(key.name);
  return std::unexpected(
      Error{Code::unknown_field,
            fmt::format("{}.{}: there is no such key; a job has {}", job, name, fmt::join(names, ", ")),
            job + "." + name});
}

Result<Buffer> payload_of(const Draft& draft, const std::string& field) {
  if (is_exec(draft)) {
    if (!draft.command)
      return wrong(field, "has neither a \"command\", as [\"make\", \"fetch\"], nor a \"handler\"");
    if (draft.command->empty() || draft.command->front().empty())
      return wrong(field + ".command", "is empty");
    for (const std::string& word : *draft.command)
      if (auto valid = check_text(word, field + ".command"); !valid) return std::unexpected(valid.error());
    if (auto valid = check_text(draft.directory, field + ".cwd"); !valid)
      return std::unexpected(valid.error());
    if (draft.args) return wrong(field + ".args", "is only for a handler; a command has its own");
    return payload(draft, *draft.command, draft.input);
  }
  for (const auto& [key, given] :
       {std::pair("command", draft.command.has_value()), std::pair("stdin", draft.input.has_value()),
        std::pair("cwd", !draft.directory.empty()), std::pair("env", !draft.environment.empty())}) {
    if (given) return wrong(field + "." + key, "is only for the handler exec");
  }
  return to_msgpack(draft.args.value_or(Json::array()));
}

Result<SubmitOptions> options_of(const Draft& draft, const std::string& field, const Settings& settings,
                                 Wall now) {
  try {
    SubmitOptions options = submit_options(draft, settings, now);
    const bool after = !draft.after_jobs.empty();
    if (draft.after_any && !after && options.after_batches.empty())
      return wrong(field + ".after_any", "needs \"after\" or \"after_batch\"");
    if (draft.inputs && !after) return wrong(field + ".inputs", "needs \"after\"");
    if (draft.after_any) options.spec.after = After::finished;
    options.spec.inputs = draft.inputs;
    options.spec.handler = draft.handler;
    if (const auto valid = validate(options.spec); !valid)
      return std::unexpected(of_job(valid.error(), field));
    return options;
  } catch (const UsageError& error) {
    return std::unexpected(of_job(error.error(), field));
  }
}

}  // namespace

Error of_job(const Error& error, const std::string& job) {
  Error named = in_options(error, [](std::string_view) { return true; });
  std::string key = named.field == "HANDLER" ? "handler" : named.field;
  if (named.message.starts_with("HANDLER")) named.message.replace(0, key.size(), "--" + key);
  std::ranges::replace(key, '-', '_');
  return {named.code, in_keys(named.message, job), key.empty() ? job : job + "." + key};
}

Error wrong_field(const std::string& field, const std::string& message) {
  return {Code::invalid_argument, fmt::format("{} {}", field, message), field};
}

Result<> read_field(const Json& value, const std::string& field, std::string& out) {
  if (!value.is_string()) return std::unexpected(wrong_field(field, "is no text"));
  out = value.get<std::string>();
  return {};
}

Result<FlowJob> parse_flow_job(const std::string& name, const Json& map, const Settings& settings, Wall now) {
  const std::string field = "jobs." + name;
  if (!map.is_object()) return wrong(field, "is no object");
  Draft draft;
  draft.handler = "exec";
  for (const auto& [key, value] : map.items()) {
    if (auto taken = take(key, value, field, draft); !taken) return std::unexpected(taken.error());
  }
  auto payload = payload_of(draft, field);
  if (!payload) return std::unexpected(payload.error());
  auto options = options_of(draft, field, settings, now);
  if (!options) return std::unexpected(options.error());
  return FlowJob{.name = name,
                 .handler = draft.handler,
                 .payload = std::move(*payload),
                 .after = std::move(draft.after_jobs),
                 .options = std::move(*options),
                 .keeps_result = draft.keep_result.has_value()};
}

}  // namespace joinery::cli
