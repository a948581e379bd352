// joinery schedule add|ls|show|rm|run|pause|resume
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/submission.h"
#include "producer/cli/who.h"
#include "shared/config/config.h"
#include "shared/protocol/group.h"

namespace joinery::cli {
namespace {

struct Flags : SubmissionFlags {
  std::string name;
  std::string cron;
  std::string zone;
  std::string catch_up;
  std::optional<std::uint64_t> catch_up_max;
  std::string overlap;
  bool replace = false;
};

constexpr const char* examples =
    R"(  joinery schedule add nightly --cron '0 3 * * *' --tz Europe/Berlin exec -- backup.sh
  joinery schedule add poll --cron '@every 10m' --overlap skip --expires-in 5m fetch https://example.org
  joinery schedule add report --cron '30 8 * * MON-FRI' --catch-up all --catch-up-max 5 exec -- report.sh
Fields of --cron: minute, hour, day of month, month, day of week; *, 1-5, */10, 1,15, JAN, MON.
Or @hourly, @daily, @weekly, @monthly, @yearly, @every TIME.)";

std::string time_text(const Json& schedule, const char* key) {
  const std::uint64_t ms = number(schedule, key);
  return ms == 0 ? "-" : utc_text(static_cast<std::int64_t>(ms));
}

std::string paused_text(const Json& schedule) {
  if (!truth(schedule, "paused")) return "no";
  std::string out = ago(static_cast<std::int64_t>(number(schedule, "paused_since_ms")), read_clocks().wall);
  if (const std::string who = text(schedule, "paused_by"); !who.empty()) out += " by " + who;
  if (const std::string why = text(schedule, "pause_reason"); !why.empty()) out += ": " + why;
  return out;
}

std::string next_text(const Json& schedule) {
  return truth(schedule, "paused") ? "paused" : time_text(schedule, "next_ms");
}

std::string last_text(const Json& schedule) {
  const std::uint64_t job = number(schedule, "last_job");
  if (job == 0) return "-";
  if (number(schedule, "last_due_ms") != 0)
    return fmt::format("job {} at {}", job, time_text(schedule, "last_due_ms"));
  const std::string at =
      number(schedule, "last_put_ms") == 0 ? "" : " at " + time_text(schedule, "last_put_ms");
  return fmt::format("job {}, run by hand{}", job, at);
}

void print_schedules(Context& context, const Json& schedules) {
  Table table{{"SCHEDULE", "CRON", "ZONE", "QUEUE", "HANDLER", "NEXT", "LAST", "SET"}, {}};
  for (const Json& schedule : schedules) {
    table.rows.push_back({text(schedule, "name"), text(schedule, "cron"), text(schedule, "tz"),
                          text(schedule, "queue"), text(schedule, "handler"), next_text(schedule),
                          last_text(schedule), truth(schedule, "declared") ? "in broker.toml" : "here"});
  }
  context.out.table(table, "no schedules");
}

std::string catch_up_text(const Json& schedule) {
  const std::uint64_t most = number(schedule, "catch_up_max");
  return most == 0 ? text(schedule, "catch_up")
                   : fmt::format("{}, at most {}", text(schedule, "catch_up"), most);
}

std::string upcoming_text(const Json& schedule) {
  std::string all;
  for (const Json& time : member(schedule, "upcoming_ms"))
    all += (all.empty() ? "" : ", ") + utc_text(time.get<std::int64_t>());
  return all.empty() ? "-" : all;
}

std::string unfinished_text(const Json& schedule) {
  std::string all;
  for (const Json& job : member(schedule, "unfinished"))
    all += fmt::format("{}job {}", all.empty() ? "" : ", ", job.get<std::uint64_t>());
  return all.empty() ? "-" : all;
}

ExitCode print_schedule(Context& context, const Json& schedule) {
  if (context.out.json()) {
    context.out.value(schedule);
    return ExitCode::success;
  }
  std::vector<std::pair<std::string, std::string>> pairs{
      {"schedule", text(schedule, "name")},
      {"cron", fmt::format("{} in {}", text(schedule, "cron"), text(schedule, "tz"))},
      {"next", upcoming_text(schedule)},
      {"paused", paused_text(schedule)},
      {"submits", fmt::format("{} to queue {}", text(schedule, "handler"), text(schedule, "queue"))},
      {"catch up", catch_up_text(schedule)},
      {"overlap", text(schedule, "overlap")},
      {"submitted", count(number(schedule, "submitted"))},
      {"skipped", count(number(schedule, "skipped"))},
      {"last", last_text(schedule)},
      {"unfinished", unfinished_text(schedule)},
      {"set", truth(schedule, "declared") ? "in broker.toml" : "here"}};
  if (const std::string problem = text(schedule, "problem"); !problem.empty())
    pairs.emplace_back("problem", problem);
  context.out.pairs(pairs);
  return ExitCode::success;
}

// The job as submit would put it, but for what means nothing in a schedule.
Buffer group_of(const Flags& flags, const Context& context) {
  const JobControlFlags& control = flags.control;
  if (flags.run_at) throw UsageError("--run-at: a schedule has its own times; use --cron");
  for (const auto& [flag, given] :
       {std::pair("after", !control.after.empty()), std::pair("after-batch", !control.after_batches.empty())})
    if (given) throw UsageError(fmt::format("--{}: a schedule comes after nothing; use --overlap", flag));
  for (const auto& [flag, given] : {std::pair("refuse-when-full", flags.no_wait_for_room),
                                    std::pair("full-timeout", flags.full_timeout.has_value())})
    if (given) throw UsageError(fmt::format("--{}: a schedule does not wait for room", flag));
  if (flags.catch_up_max && flags.catch_up != "all") throw UsageError("--catch-up-max: needs --catch-up all");
  const SubmitOptions options = submit_options(flags, context.settings, read_clocks().wall);
  std::vector<std::string> words = flags.words;
  words.insert(words.end(), context.tail.begin(), context.tail.end());
  const Buffer bytes = payload(flags, words);
  Group group;
  group.queue = options.queue;
  group.spec = options.spec;
  group.spec.handler = flags.handler;
  group.batch = options.batch;
  group.payloads = {bytes};
  if (options.priority != 0) group.columns.priority = {options.priority};
  if (options.delay) group.columns.delay_ms = {static_cast<std::uint64_t>(options.delay->count())};
  if (!options.key.empty()) group.columns.key = {options.key};
  if (!options.unique_key.empty()) group.columns.unique_key = {options.unique_key};
  if (const auto valid = validate(group, limits::payload_max_default); !valid)
    throw ClientError(valid.error());
  Buffer raw;
  protocol::encode_group(group, raw);
  return raw;
}

Json arguments_of(const Flags& flags, const Context& context) {
  const Buffer group = group_of(flags, context);
  Json map{
      {"schedule", flags.name}, {"cron", flags.cron}, {"group", Json::binary({group.begin(), group.end()})}};
  if (!flags.zone.empty()) map["tz"] = flags.zone;
  if (!flags.catch_up.empty()) map["catch_up"] = flags.catch_up;
  if (flags.catch_up_max) map["catch_up_max"] = *flags.catch_up_max;
  if (!flags.overlap.empty()) map["overlap"] = flags.overlap;
  if (flags.expires_in) map["expires_in_ms"] = flags.expires_in->count();
  if (flags.control.deadline_in) map["deadline_in_ms"] = flags.control.deadline_in->count();
  if (flags.replace) map["replace"] = true;
  return map;
}

// A command about one schedule.
Run with_schedule(Arguments& arguments, const char* verb, ExitCode (*print)(Context&, const Json&)) {
  auto name = std::make_shared<std::string>();
  arguments.positional("NAME", *name, "of the schedule");
  return [name, verb, print](Context& context) {
    const Json reply = context.request(verb, Json{{"schedule", *name}});
    return print(context, reply);
  };
}

}  // namespace

Run define_schedule_add(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("NAME", flags->name, "of the schedule");
  arguments.positional("HANDLER", flags->handler, "what runs its jobs: exec, or a handler of a worker");
  arguments.positionals("ARGS", flags->words, "its arguments; after -- they may begin with a dash");
  arguments.option("--cron", flags->cron, "when: five fields, @daily and its like, or @every TIME", "WHEN");
  arguments.option("--tz", flags->zone, "time zone, as Europe/Berlin; else UTC", "ZONE");
  arguments.option("--catch-up", flags->catch_up,
                   "times that were missed while the broker was down; else last", "none|last|all");
  arguments.option("--catch-up-max", flags->catch_up_max, "how many of all; else 100", 1, 10'000);
  arguments.option("--overlap", flags->overlap, "while a job of it is unfinished; else allow",
                   "allow|skip|queue|replace");
  arguments.flag("--replace", flags->replace, "if there is one of this name, change it");
  add_unique(arguments, flags->control);
  add_submission(arguments, *flags);
  arguments.examples(examples);
  return [flags](Context& context) {
    if (flags->cron.empty()) throw UsageError("--cron is missing: when, as '0 3 * * *' or '@every 10m'");
    return print_schedule(context, context.request("schedule.set", arguments_of(*flags, context)));
  };
}

Run define_schedule_ls(Arguments&) {
  return [](Context& context) {
    const Json schedules = context.all_of("schedule.list", "schedules");
    if (context.out.json())
      context.out.value(schedules);
    else
      print_schedules(context, schedules);
    return ExitCode::success;
  };
}

Run define_schedule_show(Arguments& arguments) {
  return with_schedule(arguments, "schedule.show", print_schedule);
}

Run define_schedule_resume(Arguments& arguments) {
  return with_schedule(arguments, "schedule.resume", print_schedule);
}

Run define_schedule_rm(Arguments& arguments) {
  return with_schedule(arguments, "schedule.delete", [](Context& context, const Json& reply) {
    context.out.json() ? context.out.value(reply) : context.out.line("removed; its jobs stay");
    return ExitCode::success;
  });
}

Run define_schedule_run(Arguments& arguments) {
  return with_schedule(arguments, "schedule.run", [](Context& context, const Json& reply) {
    context.out.json() ? context.out.value(reply) : context.out.line(fmt::format("{}", number(reply, "job")));
    return ExitCode::success;
  });
}

Run define_schedule_pause(Arguments& arguments) {
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  arguments.positional("NAME", *name, "of the schedule");
  arguments.option("--reason", *reason, "shown to everyone who looks at it");
  return [name, reason](Context& context) {
    const Json map{{"schedule", *name}, {"who", user_and_host()}, {"why", *reason}};
    return print_schedule(context, context.request("schedule.pause", map));
  };
}

}  // namespace joinery::cli
