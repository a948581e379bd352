#include "producer/cli/queue_defaults.h"

#include <fmt/format.h>

#include "producer/cli/context.h"
#include "producer/cli/job_control.h"
#include "shared/config/backoff.h"

namespace joinery::cli {
namespace {

// A flag of submit, what it is called on the wire, and how many milliseconds a unit of it has; 0: no time.
struct Option {
  const char* flag;
  const char* key;
  std::uint64_t unit_ms;
};
constexpr Option options[] = {
    {"attempts", "attempts", 0},
    {"crash-attempts", "crash_attempts", 0},
    {"timeout-soft", "soft_timeout_ms", 1},
    {"timeout-hard", "hard_timeout_ms", 1},
    {"keep-result", "result_ttl_s", 1000},
    {"backoff", "backoff", 0},
    {"jitter", "jitter", 0},
    {"no-retry", "no_retry", 0},
};

void unset(const std::string& flag, Json& map) {
  std::string known;
  for (const Option& option : options) {
    if (flag == option.flag) {
      if (map.contains(option.key) && !map[option.key].is_null())
        throw UsageError(fmt::format("--unset: there is --{0} too, expected --unset {0} or that", flag));
      return map[option.key] = nullptr, void();
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", option.flag);
  }
  throw UsageError(fmt::format("--unset: \"{}\" is none of {}", flag, known));
}

// Without its jitter, which is a default of its own.
Json backoff_of(const std::string& text) {
  const auto backoff = config::parse_backoff(text);
  if (!backoff) throw UsageError("--backoff: " + backoff.error().message);
  return {{"initial_ms", backoff->initial_ms},
          {"max_ms", backoff->max_ms},
          {"factor", backoff->factor},
          {"list_ms", backoff->list_ms}};
}

float jitter_of(const std::string& text) {
  const auto jitter = config::parse_jitter(text);
  if (!jitter) throw UsageError("--jitter: " + jitter.error().message);
  return *jitter;
}

// "--backoff fixed:5s --jitter 0.5", without what holds anyway.
std::string backoff_text(const Json& map) {
  Backoff backoff;
  backoff.initial_ms = static_cast<std::uint32_t>(number(map, "initial_ms", backoff.initial_ms));
  backoff.max_ms = static_cast<std::uint32_t>(number(map, "max_ms", backoff.max_ms));
  const Json& factor = member(map, "factor");
  if (factor.is_number()) backoff.factor = factor.get<float>();
  for (const Json& delay : member(map, "list_ms")) backoff.list_ms.push_back(delay.get<std::uint32_t>());
  const Json& jitter = member(map, "jitter");
  if (jitter.is_number()) backoff.jitter = jitter.get<float>();
  const Backoff usual{.jitter = backoff.jitter, .list_ms = {}};
  std::string text = backoff == usual ? "" : "--backoff " + config::format_backoff(backoff);
  if (backoff.jitter != Backoff{}.jitter)
    text += fmt::format("{}--jitter {}", text.empty() ? "" : " ", backoff.jitter);
  return text;
}

std::string value_text(const Option& option, const Json& value) {
  if (value.is_object()) return backoff_text(value);
  if (value.is_array()) {
    std::string text;
    for (const Json& type : value)
      text += fmt::format("{}--{} \"{}\"", text.empty() ? "" : " ", option.flag, type.get<std::string>());
    return text;
  }
  const auto amount = value.get<std::uint64_t>();
  if (option.unit_ms == 0) return fmt::format("--{} {}", option.flag, amount);
  return fmt::format("--{} {}", option.flag, config::format_duration(milliseconds(amount * option.unit_ms)));
}

}  // namespace

void add_queue_defaults(Arguments& arguments, QueueDefaultsFlags& flags) {
  arguments.option("--attempts", flags.attempts, "of jobs that do not say it: runs that may fail", 1,
                   UINT32_MAX);
  arguments.option("--crash-attempts", flags.crash_attempts, "the same: runs that may kill their process", 1,
                   UINT32_MAX);
  arguments.option("--backoff", flags.backoff, "the same: before another run, as submit has it", "KIND");
  arguments.option("--jitter", flags.jitter, "the same: of the backoff, 0 to 1", "PART");
  arguments.option("--no-retry", flags.no_retry, "the same: type of failure that ends the job", "TYPE");
  arguments.option("--timeout-soft", flags.timeout_soft, "the same: ask the handler to stop after this");
  arguments.option("--timeout-hard", flags.timeout_hard, "the same: kill it after this");
  arguments.option("--keep-result", flags.keep_result, "the same: how long the result is kept");
  arguments.option("--unset", flags.unset, "take such a default back: attempts, backoff, ...", "NAME");
}

Json defaults_of(const QueueDefaultsFlags& flags) {
  check_timeouts(flags.timeout_soft, flags.timeout_hard);
  Json map = Json::object();
  if (flags.attempts) map["attempts"] = *flags.attempts;
  if (flags.crash_attempts) map["crash_attempts"] = *flags.crash_attempts;
  if (!flags.backoff.empty()) map["backoff"] = backoff_of(flags.backoff);
  if (!flags.jitter.empty()) map["jitter"] = jitter_of(flags.jitter);
  if (!flags.no_retry.empty()) map["no_retry"] = flags.no_retry;
  if (flags.timeout_soft) map["soft_timeout_ms"] = flags.timeout_soft->count();
  if (flags.timeout_hard) map["hard_timeout_ms"] = flags.timeout_hard->count();
  if (flags.keep_result) map["result_ttl_s"] = (flags.keep_result->count() + 999) / 1000;
  for (const std::string& flag : flags.unset) unset(flag, map);
  return map.empty() ? Json() : map;
}

std::string defaults_text(const Json& defaults) {
  std::string all;
  for (const Option& option : options) {
    const Json& value = member(defaults, option.key);
    if (!value.is_null()) all += (all.empty() ? "" : " ") + value_text(option, value);
  }
  return all.empty() ? "-" : all;
}

}  // namespace joinery::cli
