#include "producer/cli/job_control.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "producer/cli/context.h"
#include "producer/cli/human.h"
#include "shared/config/backoff.h"
#include "shared/config/config.h"

namespace joinery::cli {
namespace {

[[noreturn]] void wrong(const char* flag, const std::string& text, const char* expected) {
  throw UsageError(fmt::format("--{}: \"{}\" is not {}", flag, text, expected));
}

[[noreturn]] void lonely(const char* flag, const char* needed) {
  throw UsageError(fmt::format("--{}: needs {}", flag, needed));
}

template <typename T>
std::optional<T> number_of(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename E>
void take_word(const char* flag, const std::string& text, std::optional<E> (*from_word)(std::string_view),
               const char* expected, E& out) {
  if (text.empty()) return;
  const auto value = from_word(text);
  if (!value) wrong(flag, text, expected);
  out = *value;
}

void apply_unique(const JobControlFlags& flags, SubmitOptions& options) {
  if (flags.unique && flags.unique->empty()) wrong("unique", "", "a key");
  options.unique_key = flags.unique.value_or("");
  for (const auto& [flag, text] :
       {std::pair("unique-scope", &flags.unique_scope), std::pair("unique-until", &flags.unique_until),
        std::pair("on-conflict", &flags.on_conflict)}) {
    if (!text->empty() && !flags.unique) lonely(flag, "--unique");
  }
  Unique& unique = options.spec.unique;
  take_word("unique-scope", flags.unique_scope, unique_scope_from_word, "queue or batch", unique.scope);
  take_word("on-conflict", flags.on_conflict, on_conflict_from_word, "refuse, ignore or replace",
            unique.on_conflict);
  if (flags.unique_until.empty()) return;
  const auto until = unique_until_from_word(flags.unique_until);
  if (until && *until != UniqueUntil::time) {
    unique.until = *until;
    return;
  }
  const auto time = parse_span(flags.unique_until);
  if (!time || time->count() <= 0)
    wrong("unique-until", flags.unique_until, "started, finished, succeeded or a duration");
  unique.until = UniqueUntil::time;
  unique.ttl_ms = static_cast<std::uint64_t>(time->count());
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos; text.remove_prefix(comma + 1)) {
    comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
  }
  return parts;
}

// "17,18" of each.
std::vector<std::uint64_t> ids_of(const char* flag, const std::vector<std::string>& values) {
  std::vector<std::uint64_t> ids;
  for (const std::string& value : values) {
    for (std::string_view part : split(value)) {
      const auto id = number_of<std::uint64_t>(part);
      if (!id || *id == 0) wrong(flag, value, "an id, or several with commas");
      ids.push_back(*id);
    }
  }
  return ids;
}

}  // namespace

void add_job_control(Arguments& arguments, JobControlFlags& flags) {
  arguments.option("--backoff", flags.backoff,
                   "before another run: exponential:1s,10m,2 (the default), fixed:5s or list:1s,5s,30s",
                   "KIND");
  arguments.option("--jitter", flags.jitter, "of the backoff: 0 to 1; else 0.1", "PART");
  arguments.option("--no-retry", flags.no_retry, "type of failure that ends the job; may be repeated",
                   "TYPE");
  arguments.option("--deadline-in", flags.deadline_in, "stop the job if it is not finished within this");
  arguments.option("--after", flags.after, "jobs that must succeed first; may be repeated", "JOB,...");
  arguments.option("--after-batch", flags.after_batches, "batches that must succeed as a whole first",
                   "BATCH,...");
  arguments.flag("--inputs", flags.inputs, "the results of the jobs of --after are given to the handler");
  arguments.flag("--after-any", flags.after_any, "they must only have ended, whichever way");
}

void add_unique(Arguments& arguments, JobControlFlags& flags) {
  arguments.option("--unique", flags.unique, "one job with this key at a time", "KEY");
  arguments.option("--unique-scope", flags.unique_scope, "where the key counts", "queue|batch");
  arguments.option("--unique-until", flags.unique_until,
                   "until when: started, finished (the default), succeeded, or for a time as 10m", "WHEN");
  arguments.option("--on-conflict", flags.on_conflict, "when the key is taken", "refuse|ignore|replace");
}

void refuse_zero(const std::optional<milliseconds>& time, const char* flag) {
  if (time && time->count() == 0)
    throw UsageError(fmt::format("--{}: 0 is over at once; expected more", flag));
}

void check_timeouts(const std::optional<milliseconds>& soft, const std::optional<milliseconds>& hard) {
  if (!soft || !hard || hard->count() == 0 || *soft <= *hard) return;
  throw UsageError(fmt::format("--timeout-soft: {} is longer than --timeout-hard {}",
                               config::format_duration(*soft), config::format_duration(*hard)));
}

void check_start(const SubmissionTimes& times, Wall now) {
  if (times.delay && times.run_at) throw UsageError("--run-at: there is a --delay too, expected one of both");
  for (const auto& [flag, limit] :
       {std::pair("expires-in", times.expires_in), std::pair("deadline-in", times.deadline_in)}) {
    if (!limit) continue;
    if (times.delay && *times.delay >= *limit)
      throw UsageError(fmt::format("--delay: {} is not over before --{} {}",
                                   config::format_duration(*times.delay), flag,
                                   config::format_duration(*limit)));
    if (times.run_at && *times.run_at >= now + *limit)
      throw UsageError(
          fmt::format("--run-at: is not before --{} {} is over", flag, config::format_duration(*limit)));
  }
}

void apply_job_control(const JobControlFlags& flags, Wall now, SubmitOptions& options) {
  Spec& spec = options.spec;
  if (!flags.backoff.empty()) {
    const auto backoff = config::parse_backoff(flags.backoff);
    if (!backoff) throw UsageError("--backoff: " + backoff.error().message);
    spec.backoff = *backoff;
  }
  if (!flags.jitter.empty()) {
    const auto jitter = config::parse_jitter(flags.jitter);
    if (!jitter) throw UsageError("--jitter: " + jitter.error().message);
    spec.backoff.jitter = *jitter;
  }
  spec.no_retry = flags.no_retry;
  if (spec.said && !flags.backoff.empty()) spec.said->add(SpecOption::backoff);
  if (spec.said && !flags.jitter.empty()) spec.said->add(SpecOption::jitter);
  if (spec.said && !flags.no_retry.empty()) spec.said->add(SpecOption::no_retry);
  refuse_zero(flags.deadline_in, "deadline-in");
  if (flags.deadline_in) options.deadline = now + *flags.deadline_in;
  apply_unique(flags, options);
  options.after = ids_of("after", flags.after);
  options.after_batches = ids_of("after-batch", flags.after_batches);
  if (flags.after_any && options.after.empty() && options.after_batches.empty())
    lonely("after-any", "--after or --after-batch");
  if (flags.after_any) spec.after = After::finished;
  if (flags.inputs && options.after.empty()) lonely("inputs", "--after, to have them from");
  spec.inputs = flags.inputs;
}

}  // namespace joinery::cli
