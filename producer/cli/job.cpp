// joinery job ls|show|retry|cancel, joinery dead ls|show|retry|delete, joinery cancel
#include <fmt/core.h>

#include "producer/cli/bulk.h"
#include "producer/cli/command.h"
#include "producer/cli/follow.h"
#include "producer/cli/history.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"
#include "producer/cli/who.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::vector<JobId> jobs;
  std::string queue;
  std::string state;
  std::uint64_t most = 100;
  std::uint64_t after = 0;
  bool payload = false;
  bool follow = false;
};

std::string state_of(const Json& job) { return text(job, "state", text(job, "outcome", "?")); }

// The last column of a list: what most likely is wanted to be known.
std::string remark(const Json& job) {
  if (const std::string failure = failure_text(job); !failure.empty()) return failure;
  return text(job, "reason");
}

Table job_table(const Json& jobs) {
  Table table{{">JOB", "STATE", "QUEUE", "HANDLER", ">ATTEMPT", "ACCEPTED", "WORKER", "REMARK"}, {}};
  for (const Json& job : jobs)
    table.rows.push_back({fmt::format("{}", number(job, "job")), state_of(job), text(job, "queue"),
                          text(job, "handler"), fmt::format("{}", number(job, "attempt")),
                          ago_of(job, "accepted_at_ms"), text(job, "worker", "-"), remark(job)});
  return table;
}

// Of a process that died: what its worker saw.
void print_dossier(Output& out, const Json& dossier) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : dossier.items()) {
    pairs.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  out.line("");
  out.pairs(pairs);
}

void print_job(Output& out, const Json& job) {
  if (!member(job, "outcome").is_null()) return print_finished(out, job);
  const Wall now = read_clocks().wall;
  std::vector<std::pair<std::string, std::string>> pairs{
      {"job", fmt::format("{}", number(job, "job"))},
      {"state", state_of(job)},
      {"queue", text(job, "queue")},
      {"handler", text(job, "handler")},
      {"accepted", ago_of(job, "accepted_at_ms")},
      {"attempts", attempts_text(job)},
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
  add("schedule", "schedule");
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
  if (const Json& dossier = member(member(job, "failure"), "dossier"); dossier.is_object()) {
    print_dossier(out, dossier);
  }
  if (const std::string problem = text(job, "payload_problem"); !problem.empty())
    out.note("the payload can't be read: " + harmless(problem));
  if (const Json& payload = member(job, "payload"); payload.is_binary()) {
    const auto& bytes = payload.get_binary();
    const auto value = from_msgpack({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    out.line("");
    out.value(value ? *value : payload);
  }
}

ExitCode list(Context& context, const char* verb, const Flags& flags, std::string_view empty) {
  Json map = Json::object();
  if (!flags.queue.empty()) map["queue"] = flags.queue;
  if (!flags.state.empty()) map["state"] = flags.state;
  if (flags.after != 0) map["after"] = flags.after;
  const Json jobs = context.jobs(verb, std::move(map), flags.most);
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
    Json reply = context.request("job.show", Json{{"job", job}, {"payload", flags.payload}});
    unpack_dossier(reply);
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

Run define_list(Arguments& arguments, const char* verb, const char* empty, const char* states) {
  auto flags = std::make_shared<Flags>();
  auto finished = std::make_shared<Finished>();
  arguments.option("-q,--queue", flags->queue, "only of this queue", "NAME");
  if (states != nullptr) arguments.option("--state", flags->state, "only in this state", states);
  arguments.option("--most", flags->most, "at most so many", 1, 10'000);
  arguments.option("--after", flags->after, "go on after this job");
  if (states != nullptr) add_finished(arguments, *finished);
  return [flags, finished, verb, empty](Context& context) {
    // Without --finished, `failed` are the dead letters with what only these have.
    const bool ended = !flags->state.empty() && outcome_from_word(flags->state) && flags->state != "failed";
    if (finished->wanted || ended) {
      return list_finished(context, *finished, {flags->queue, flags->state, flags->most, flags->after});
    }
    if (finished->filtered())
      throw UsageError("--handler, --batch, --key, --error and ages choose among finished jobs: --finished");
    return list(context, verb, *flags, empty);
  };
}

Run define_dead(Arguments& arguments, const char* verb, const char* bulk_verb, const char* done) {
  auto choice = std::make_shared<Choice>();
  add_choice(arguments, *choice, nullptr, "all failed jobs");
  return [choice, verb, bulk_verb, done](Context& context) {
    return act_on(context, *choice, verb, bulk_verb, Json::object(), done);
  };
}

Run define_show(Arguments& arguments, bool dead) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, true);
  arguments.flag("--payload", flags->payload, "with the payload");
  if (!dead)
    arguments.flag("--follow", flags->follow, "what its handler says, as it comes, until the job has ended");
  return [flags, dead](Context& context) {
    if (!flags->follow) return show(context, *flags, dead);
    if (flags->jobs.size() != 1) throw UsageError("--follow is for one job");
    return follow(context, flags->jobs.front());
  };
}

}  // namespace

Run define_job_ls(Arguments& arguments) {
  return define_list(arguments, "job.list", "no unfinished jobs",
                     "parked|scheduled|blocked|ready|running|failed|succeeded|cancelled|expired");
}
Run define_dead_ls(Arguments& arguments) {
  return define_list(arguments, "dead.list", "no failed jobs", nullptr);
}
Run define_dead_retry(Arguments& arguments) {
  return define_dead(arguments, "dead.retry", "bulk.retry", "will run again");
}
Run define_dead_delete(Arguments& arguments) {
  return define_dead(arguments, "dead.delete", "bulk.delete", "deleted");
}

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
  struct Cancel {
    Choice choice;
    std::optional<milliseconds> grace;
  };
  auto flags = std::make_shared<Cancel>();
  add_choice(arguments, flags->choice, "parked|scheduled|blocked|ready|running", nullptr);
  arguments.option("--grace", flags->grace, "how long running ones have to stop before they are killed");
  return [flags](Context& context) {
    Json map = Json::object();
    if (flags->grace) map["grace_ms"] = flags->grace->count();
    // A whole batch is cancelled at one stroke, and takes no more jobs.
    Choice others = flags->choice;
    const std::uint64_t batch = std::exchange(others.batch, 0);
    if (batch != 0 && !others.has_filter() && others.jobs.empty() && !others.dry_run) {
      map["batch"] = batch;
      return context.act("batch.cancel", map, "cancelled");
    }
    if (!others.jobs.empty()) map["who"] = user_and_host();
    return act_on(context, flags->choice, "job.cancel", "bulk.cancel", map, "cancelled");
  };
}

}  // namespace joinery::cli
