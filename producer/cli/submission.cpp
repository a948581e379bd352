#include "producer/cli/submission.h"

#include <fmt/core.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "shared/base/read_file.h"

namespace joinery::cli {
namespace {

std::optional<std::int64_t> milliseconds_of(const std::optional<milliseconds>& duration, const char* flag) {
  if (!duration) return std::nullopt;
  if (duration->count() > UINT32_MAX) throw UsageError(fmt::format("{}: at most 49 days", flag));
  return duration->count();
}

// Whole seconds, rounded up: a result is never kept shorter than asked for.
std::uint32_t seconds_of(milliseconds duration) {
  return static_cast<std::uint32_t>(std::min<std::int64_t>((duration.count() + 999) / 1000, UINT32_MAX));
}

Json environment_of(const std::vector<std::string>& settings) {
  Json map = Json::object();
  for (const std::string& setting : settings) {
    const std::size_t sign = setting.find('=');
    if (sign == 0 || sign == std::string::npos)
      throw UsageError(fmt::format("--env: \"{}\" is not NAME=VALUE", setting));
    map[setting.substr(0, sign)] = setting.substr(sign + 1);
  }
  return map;
}

// What only the handler exec looks at, and the other way round.
void check_handler(const SubmissionFlags& flags) {
  if (is_exec(flags)) {
    if (flags.json_args) throw UsageError("--json-args: is not for handler exec, whose arguments are texts");
    return;
  }
  if (!flags.directory.empty()) throw UsageError("--cwd: is only for handler exec");
  if (!flags.environment.empty()) throw UsageError("--env: is only for handler exec");
}

bool lists(const Json& map, const char* key, const std::string& name) {
  const Json& values = member(map, key);
  return std::ranges::any_of(values, [&name](const Json& value) { return value == name || value == "*"; });
}

// What to tell if no worker would run the job; empty if one would.
std::string missing_worker(Context& context, const std::string& handler, const std::string& queue) {
  const Json reply = context.request("worker.list");
  bool has_handler = false;
  for (const Json& worker : member(reply, "workers")) {
    if (!truth(worker, "connected") || !lists(worker, "handlers", handler)) continue;
    has_handler = true;
    if (lists(worker, "queues", queue)) return {};
  }
  if (has_handler)
    return fmt::format(
        "no connected worker has handler \"{}\" and serves queue \"{}\"; what is submitted waits for one",
        handler, queue);
  return fmt::format("no connected worker has handler \"{}\"; what is submitted waits for one{}", handler,
                     handler == "exec" ? " (joinery-worker --allow-exec)" : "");
}

// `joinery up &` starts the worker when the broker is ready, and workers come back to one that was started
// again: a moment later they are there.
bool has_just_started(Context& context) {
  constexpr std::uint64_t workers_come_within_ms = 3000;
  return number(context.request("status"), "uptime_ms") < workers_come_within_ms;
}

}  // namespace

void add_submission(Arguments& arguments, SubmissionFlags& flags) {
  arguments.option("-q,--queue", flags.queue, "queue; else that of the configuration", "NAME");
  arguments.option("--keep-result", flags.keep_result,
                   "how long the result is kept; 0: not at all; else as configured");
  arguments.option("--delay", flags.delay, "start no earlier than this from now");
  arguments.option("--run-at", flags.run_at,
                   "start no earlier than 2026-11-21T08:00[Z|+01:00], or Unix seconds");
  arguments.option("--expires-in", flags.expires_in, "give up if not started within this");
  arguments.option("--timeout-soft", flags.timeout_soft,
                   "ask the handler to stop after this (a command: SIGTERM); 0: never");
  arguments.option("--timeout-hard", flags.timeout_hard, "kill it after this; 0: never");
  arguments.option("--priority", flags.priority, "lower runs first, in queues of mode priority");
  arguments.option("--attempts", flags.attempts, "runs that may fail; 1: no retry; else 3", 1, UINT32_MAX);
  arguments.option("--crash-attempts", flags.crash_attempts, "runs that may kill their process; else 3", 1,
                   UINT32_MAX);
  arguments.option("--batch", flags.batch, "add to this batch", 1);
  arguments.option("--key", flags.key,
                   "what limits and fairness are counted by: host:example.org, tenant:a/host:x");
  arguments.flag("--ordered", flags.ordered, "jobs of one key run one after the other, also across retries");
  add_job_control(arguments, flags.control);
  arguments.flag("--refuse-when-full", flags.no_wait_for_room,
                 "fail when the queue is full instead of waiting for room");
  arguments.option("--full-timeout", flags.full_timeout, "wait for room no longer than this, then fail");
  arguments.flag("--json-args", flags.json_args,
                 "arguments that are JSON are passed as such, others as text");
  arguments.option("--cwd", flags.directory, "exec: directory of the command, on the worker's host", "DIR");
  arguments.option("--env", flags.environment, "exec: variable of the command; may be repeated",
                   "NAME=VALUE");
}

SubmitOptions submit_options(const SubmissionFlags& flags, const Settings& settings, Wall now) {
  check_handler(flags);
  SubmitOptions options;
  options.queue = flags.queue.value_or(settings.queue);
  if (options.queue.empty()) throw UsageError("--queue: the name is empty");
  Spec& spec = options.spec;
  SpecOptions& said = spec.said.emplace();  // what has no flag here is the queue's to say
  const auto number = [&said](const auto& flag, SpecOption option, std::uint32_t& out) {
    if (!flag) return;
    out = static_cast<std::uint32_t>(*flag);
    said.add(option);
  };
  number(flags.attempts, SpecOption::attempts, spec.attempts);
  number(flags.crash_attempts, SpecOption::crash_attempts, spec.crash_attempts);
  number(milliseconds_of(flags.timeout_soft, "--timeout-soft"), SpecOption::soft_timeout_ms,
         spec.soft_timeout_ms);
  number(milliseconds_of(flags.timeout_hard, "--timeout-hard"), SpecOption::hard_timeout_ms,
         spec.hard_timeout_ms);
  check_timeouts(flags.timeout_soft, flags.timeout_hard);
  spec.result_ttl_s = seconds_of(settings.keep_result.value);  // unless the queue says otherwise
  if (flags.keep_result)
    number(std::optional(seconds_of(*flags.keep_result)), SpecOption::result_ttl_s, spec.result_ttl_s);
  options.batch = flags.batch;
  options.delay = flags.delay;
  options.run_at = flags.run_at;
  refuse_zero(flags.expires_in, "expires-in");
  if (flags.expires_in) options.expires_at = now + *flags.expires_in;
  options.priority = flags.priority;
  apply_job_control(flags.control, now, options);
  check_start({flags.delay, flags.run_at, flags.expires_in, flags.control.deadline_in}, now);
  if (flags.key && flags.key->empty())
    throw UsageError("--key: is empty, expected host:example.org or its like");
  options.key = flags.key.value_or("");
  options.spec.ordered = flags.ordered;
  if (flags.ordered && !flags.key)
    throw UsageError("--ordered: needs a --key, since the order is that of its jobs");
  if (flags.no_wait_for_room && flags.full_timeout)
    throw UsageError("--full-timeout: there is --refuse-when-full too, which does not wait");
  options.refuse_when_full = flags.no_wait_for_room;
  options.full_timeout = flags.full_timeout;
  return options;
}

bool is_exec(const SubmissionFlags& flags) { return flags.handler == "exec"; }

Json argument(const SubmissionFlags& flags, const std::string& word) {
  if (flags.json_args)
    if (auto value = parse_json(word)) return std::move(*value);
  return word;
}

Buffer payload(const SubmissionFlags& flags, const std::vector<std::string>& words,
               const std::optional<std::string>& input) {
  if (!is_exec(flags)) {
    Json arguments = Json::array();
    for (const std::string& word : words) arguments.push_back(argument(flags, word));
    return to_msgpack(arguments);
  }
  if (words.empty()) throw UsageError("exec needs a command: joinery submit exec -- COMMAND ARGS...");
  if (words.front().empty()) throw UsageError("the command is an empty text, expected its name");
  for (const std::string& word : words) {
    if (word.contains('\0'))
      throw UsageError("an argument has a NUL character, which no command can be given");
  }
  Json map{{"argv", words}};
  if (input) map["stdin"] = Json::binary({input->begin(), input->end()});
  if (!flags.environment.empty()) map["env"] = environment_of(flags.environment);
  if (!flags.directory.empty())
    map["cwd"] = std::filesystem::absolute(flags.directory).lexically_normal().string();
  return to_msgpack(map);
}

bool note_full(Context& context, const std::string& queue) {
  const Json shown = context.request("queue.show", Json{{"queue", queue}});
  if (number(member(shown, "counts"), "parked") == 0) return false;
  context.out.note(
      fmt::format("queue {} is full (maxsize {}); waiting for room", queue, text(shown, "maxsize")));
  return true;
}

void warn_without_worker(Context& context, const std::string& handler, const std::string& queue) {
  std::string missing = missing_worker(context, handler, queue);
  for (int i = 0; i < 40 && !missing.empty() && has_just_started(context); ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    missing = missing_worker(context, handler, queue);
  }
  if (!missing.empty()) context.out.note(missing);
}

std::string read_input(const std::string& name) {
  auto bytes = name == "-" ? read_descriptor(STDIN_FILENO, "stdin") : read_file(name);
  if (!bytes) throw ClientError(bytes.error());
  return std::move(*bytes);
}

}  // namespace joinery::cli
