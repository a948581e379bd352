// joinery job ls|show|retry|cancel, joinery dead ls|show|retry|delete, joinery cancel
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::vector<JobId> jobs;
  std::string queue;
  std::string state;
  std::uint64_t most = 100;
  std::uint64_t after = 0;
  bool all = false;
  bool payload = false;
  std::uint64_t batch = 0;
  std::optional<milliseconds> grace;
};

std::string state_of(const Json& job) { return text(job, "state", text(job, "outcome", "?")); }

std::string age_of(const Json& job) {
  return ago(static_cast<std::int64_t>(number(job, "accepted_at_ms")), read_clocks().wall);
}

// The last column of a list: what most likely is wanted to be known.
std::string remark(const Json& job) {
  if (const std::string failure = failure_text(job); !failure.empty()) return failure;
  return text(job, "reason");
}

Table job_table(const Json& jobs) {
  Table table{{">JOB", "STATE", "QUEUE", "HANDLER", ">ATTEMPT", "ACCEPTED", "WORKER", "REMARK"}, {}};
  for (const Json& job : jobs)
    table.rows.push_back({fmt::format("{}", number(job, "job")), state_of(job), text(job, "queue"),
                          text(job, "handler"), fmt::format("{}", number(job, "attempt")), age_of(job),
                          text(job, "worker", "-"), remark(job)});
  return table;
}

std::string progress_text(const Json& progress) {
  const Json& fraction = member(progress, "fraction");
  const double part = fraction.is_number() ? fraction.get<double>() : 0;
  return fmt::format("{:.0f} % {}", part * 100, text(progress, "text"));
}

// All that the broker keeps of a job that has ended and is no dead letter.
void print_ended(Output& out, const Json& job) {
  const std::string id = fmt::format("{}", number(job, "job"));
  std::vector<std::pair<std::string, std::string>> pairs{{"job", id}, {"outcome", text(job, "outcome")}};
  if (number(job, "attempt") != 0) pairs.emplace_back("attempts", text(job, "attempt"));
  out.pairs(pairs);
  out.flush();
  out.note(fmt::format(
      "the broker keeps no more of a job that has ended; `joinery result {}` prints its result", id));
}

void print_job(Output& out, const Json& job) {
  if (!member(job, "outcome").is_null()) return print_ended(out, job);
  const Wall now = read_clocks().wall;
  std::vector<std::pair<std::string, std::string>> pairs{
      {"job", fmt::format("{}", number(job, "job"))},
      {"state", state_of(job)},
      {"queue", text(job, "queue")},
      {"handler", text(job, "handler")},
      {"accepted", age_of(job)},
      {"attempts", fmt::format("{} ({} failed, {} crashed, {} lost)", number(job, "attempt"),
                               number(job, "failures"), number(job, "crashes"), number(job, "losses"))},
      {"payload", size(number(job, "payload_size"))},
  };
  const auto add = [&pairs, &job](const char* name, const char* key) {
    if (const Json& value = member(job, key); !value.is_null() && value != 0)
      pairs.emplace_back(name, text(job, key));
  };
  if (number(job, "due_ms") != 0)
    pairs.emplace_back("due", ago(static_cast<std::int64_t>(number(job, "due_ms")), now));
  add("priority", "priority");
  add("key", "key");
  add("batch", "batch");
  add("parent", "parent");
  add("worker", "worker");
  add("waits", "reason");
  if (!member(job, "progress").is_null())
    pairs.emplace_back("progress", progress_text(member(job, "progress")));
  if (const Json& failure = member(job, "failure"); !failure.is_null()) {
    pairs.emplace_back("failure", fmt::format("{} ({})", failure_text(job), text(failure, "word")));
    if (!text(failure, "where").empty()) pairs.emplace_back("where", text(failure, "where"));
  }
  out.pairs(pairs);
  if (const Json& payload = member(job, "payload"); payload.is_binary()) {
    const auto& bytes = payload.get_binary();
    const auto value = from_msgpack({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    out.line("");
    out.value(value ? *value : payload);
  }
}

ExitCode list(Context& context, const char* verb, const Flags& flags, std::string_view empty) {
  Json map{{"most", flags.most}};
  if (!flags.queue.empty()) map["queue"] = flags.queue;
  if (!flags.state.empty()) map["state"] = flags.state;
  if (flags.after != 0) map["after"] = flags.after;
  const Json reply = context.request(verb, map);
  const Json& jobs = member(reply, "jobs");
  if (context.out.json()) {
    context.out.value(jobs);
  } else {
    context.out.table(job_table(jobs), empty);
    if (jobs.size() == flags.most)
      context.out.note(fmt::format("there may be more; go on with --after {}", number(jobs.back(), "job")));
  }
  return ExitCode::success;
}

void require_dead(const Json& job) {
  if (text(job, "state") == "failed") return;
  const JobId id = number(job, "job");
  const std::string is = text(job, "outcome") == "failed" ? "it was deleted" : state_of(job);
  throw ClientError({Code::invalid_state,
                     fmt::format("job {} is no dead letter ({}); `joinery job show {}` shows it", id, is, id),
                     "job"});
}

ExitCode show(Context& context, const Flags& flags, bool dead) {
  for (bool first = true; const JobId job : flags.jobs) {
    const Json reply = context.request("job.show", Json{{"job", job}, {"payload", flags.payload}});
    if (dead) require_dead(reply);
    if (context.out.json()) {
      context.out.value(reply);
      continue;
    }
    if (!std::exchange(first, false)) context.out.line("");
    print_job(context.out, reply);
  }
  return ExitCode::success;
}

// The ids of all failed jobs, page by page.
std::vector<JobId> all_dead(Context& context) {
  constexpr std::uint64_t page = 1000;
  std::vector<JobId> ids;
  for (std::size_t before = 0;; before = ids.size()) {
    const Json reply =
        context.request("dead.list", Json{{"most", page}, {"after", ids.empty() ? 0 : ids.back()}});
    for (const Json& job : member(reply, "jobs")) ids.push_back(number(job, "job"));
    if (ids.size() - before < page) return ids;
  }
}

// dead retry and dead delete take jobs, a queue, or --all.
Json chosen(Context& context, const Flags& flags) {
  const int ways = (flags.jobs.empty() ? 0 : 1) + (flags.queue.empty() ? 0 : 1) + (flags.all ? 1 : 0);
  if (ways != 1) throw UsageError("say which: ids of jobs, --queue NAME, or --all");
  if (!flags.queue.empty()) return Json{{"queue", flags.queue}};
  return Json{{"jobs", flags.all ? all_dead(context) : flags.jobs}};
}

Run define_list(Arguments& arguments, const char* verb, const char* empty, bool with_state) {
  auto flags = std::make_shared<Flags>();
  arguments.option("-q,--queue", flags->queue, "only of this queue", "NAME");
  if (with_state)
    arguments.option("--state", flags->state, "only in this state",
                     "parked|scheduled|blocked|ready|running|failed");
  arguments.option("--most", flags->most, "at most so many", 1, 10'000);
  arguments.option("--after", flags->after, "go on after this job");
  return [flags, verb, empty](Context& context) { return list(context, verb, *flags, empty); };
}

Run define_dead(Arguments& arguments, const char* verb, const char* done) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, false);
  arguments.option("-q,--queue", flags->queue, "all failed jobs of this queue", "NAME");
  arguments.flag("--all", flags->all, "all failed jobs");
  return [flags, verb, done](Context& context) { return context.act(verb, chosen(context, *flags), done); };
}

Run define_show(Arguments& arguments, bool dead) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, true);
  arguments.flag("--payload", flags->payload, "with the payload");
  return [flags, dead](Context& context) { return show(context, *flags, dead); };
}

}  // namespace

Run define_job_ls(Arguments& arguments) {
  return define_list(arguments, "job.list", "no unfinished jobs", true);
}
Run define_dead_ls(Arguments& arguments) {
  return define_list(arguments, "dead.list", "no failed jobs", false);
}
Run define_dead_retry(Arguments& arguments) { return define_dead(arguments, "dead.retry", "will run again"); }
Run define_dead_delete(Arguments& arguments) { return define_dead(arguments, "dead.delete", "deleted"); }

Run define_job_show(Arguments& arguments) { return define_show(arguments, false); }
Run define_dead_show(Arguments& arguments) { return define_show(arguments, true); }

Run define_job_retry(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, true);
  return [flags](Context& context) {
    return context.act("job.retry", Json{{"jobs", flags->jobs}}, "will run again");
  };
}

Run define_cancel(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, false);
  arguments.option("--batch", flags->batch, "every unfinished job of this batch", 1);
  arguments.option("--grace", flags->grace, "how long running ones have to stop before they are killed");
  return [flags](Context& context) {
    if (flags->jobs.empty() == (flags->batch == 0)) throw UsageError("say which: ids of jobs, or --batch ID");
    Json map = flags->batch != 0 ? Json{{"batch", flags->batch}} : Json{{"jobs", flags->jobs}};
    if (flags->grace) map["grace_ms"] = flags->grace->count();
    return context.act(flags->batch != 0 ? "batch.cancel" : "job.cancel", map, "cancelled");
  };
}

}  // namespace joinery::cli
