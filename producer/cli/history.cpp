// joinery job ls --finished, joinery queue forget; the end of joinery job show
#include "producer/cli/history.h"

#include <fmt/core.h>

#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

std::int64_t before_now(milliseconds age) {
  const auto now = std::chrono::floor<milliseconds>(read_clocks().wall.time_since_epoch());
  return (now - age).count();
}

Table finished_table(const Json& jobs) {
  Table table{{">JOB", "OUTCOME", "QUEUE", "HANDLER", ">ATTEMPT", "ACCEPTED", "ENDED", "REMARK"}, {}};
  for (const Json& job : jobs)
    table.rows.push_back({fmt::format("{}", number(job, "job")), text(job, "outcome"), text(job, "queue"),
                          text(job, "handler"), fmt::format("{}", number(job, "attempt")),
                          ago_of(job, "accepted_at_ms"), ago_of(job, "ended_at_ms"), failure_text(job)});
  return table;
}

}  // namespace

bool Finished::filtered() const {
  return !handler.empty() || !key.empty() || !error.empty() || batch != 0 || older_than || newer_than;
}

void add_finished(Arguments& arguments, Finished& finished) {
  arguments.flag("--finished", finished.wanted,
                 "those that have ended, the latest first; and of them only...");
  arguments.option("--handler", finished.handler, "... with this handler", "NAME");
  arguments.option("--batch", finished.batch, "... of this batch", 1);
  arguments.option("--key", finished.key, "... with this key", "KEY");
  arguments.option("--error", finished.error, "... whose last failure says this", "TEXT");
  arguments.option("--older-than", finished.older_than, "... that ended longer ago than this");
  arguments.option("--newer-than", finished.newer_than, "... that ended since");
}

ExitCode list_finished(Context& context, const Finished& finished, const FinishedPage& page) {
  Json map{{"most", page.most}};
  for (const auto& [key, value] : {std::pair("queue", &page.queue), std::pair("outcome", &page.outcome),
                                   std::pair("handler", &finished.handler), std::pair("key", &finished.key),
                                   std::pair("error", &finished.error)}) {
    if (!value->empty()) map[key] = *value;
  }
  if (finished.batch != 0) map["batch"] = finished.batch;
  if (page.after != 0) map["before"] = page.after;
  if (finished.older_than) map["ended_before_ms"] = before_now(*finished.older_than);
  if (finished.newer_than) map["ended_after_ms"] = before_now(*finished.newer_than);
  // The broker looks at a part of its memory at a time.
  Json jobs = Json::array();
  for (Json reply; jobs.size() < page.most;) {
    map["most"] = page.most - jobs.size();
    reply = context.request("job.finished", map);
    for (Json& job : reply["jobs"]) jobs.push_back(std::move(job));
    if (number(reply, "next") == 0) break;
    map["before"] = number(reply, "next");
  }
  if (context.out.json()) {
    context.out.value(jobs);
    return ExitCode::success;
  }
  context.out.table(finished_table(jobs), "no finished jobs are remembered that fit");
  if (jobs.size() == page.most)
    context.out.note(fmt::format("there may be more; go on with --after {}", number(jobs.back(), "job")));
  return ExitCode::success;
}

// Of one that ended so long ago that the history does not reach it, little more than the outcome is known.
void print_finished(Output& out, const Json& job) {
  const std::string id = fmt::format("{}", number(job, "job"));
  std::vector<std::pair<std::string, std::string>> pairs{{"job", id}, {"outcome", text(job, "outcome")}};
  const bool remembered = !member(job, "ended_at_ms").is_null();
  const auto add = [&](const char* name, const char* key) {
    if (const Json& value = member(job, key); !value.is_null() && value != 0)
      pairs.emplace_back(name, text(job, key));
  };
  add("queue", "queue");
  add("handler", "handler");
  if (remembered) {
    pairs.emplace_back("accepted", ago_of(job, "accepted_at_ms"));
    pairs.emplace_back("ended", ago_of(job, "ended_at_ms"));
    pairs.emplace_back("attempts", attempts_text(job));
  } else {
    add("attempts", "attempt");
  }
  add("priority", "priority");
  add("key", "key");
  add("batch", "batch");
  add("parent", "parent");
  if (!member(job, "failure").is_null()) pairs.emplace_back("last failure", failure_text(job));
  out.pairs(pairs);
  if (remembered) return;
  out.flush();
  out.note(fmt::format(
      "the history of its queue does not reach so far; `joinery result {}` prints its result", id));
}

Run define_queue_forget(Arguments& arguments) {
  struct Flags {
    std::string queue;
    std::optional<milliseconds> older_than;
  };
  auto flags = std::make_shared<Flags>();
  arguments.positional("QUEUE", flags->queue, "name of the queue");
  arguments.option("--older-than", flags->older_than, "only those that ended longer ago than this");
  return [flags](Context& context) {
    Json map{{"queue", flags->queue}};
    if (flags->older_than) map["ended_before_ms"] = before_now(*flags->older_than);
    return context.act("queue.forget", map, "forgotten");
  };
}

}  // namespace joinery::cli
