#include "producer/cli/bulk.h"

#include "producer/cli/outcome.h"

namespace joinery::cli {

bool Choice::has_filter() const {
  for (const std::string* text : {&queue, &handler, &state, &error, &key}) {
    if (!text->empty()) return true;
  }
  return batch != 0 || older_than.has_value();
}

void add_choice(Arguments& arguments, Choice& choice, const char* states, const char* all) {
  arguments.jobs(choice.jobs, false);
  arguments.option("-q,--queue", choice.queue, "else all of this queue...", "NAME");
  arguments.option("--handler", choice.handler, "... with this handler...", "NAME");
  if (states != nullptr) arguments.option("--state", choice.state, "... in this state...", states);
  arguments.option("--error", choice.error, "... whose last failure says this...", "TEXT");
  arguments.option("--older-than", choice.older_than, "... accepted longer ago than this...");
  arguments.option("--batch", choice.batch, "... of this batch...", 1);
  arguments.option("--key", choice.key, "... with this key: those that fit all that is said", "KEY");
  if (all != nullptr) arguments.flag("--all", choice.all, all);
  arguments.flag("--dry-run", choice.dry_run, "only say how many");
}

ExitCode act_on(Context& context, const Choice& choice, const char* verb, const char* bulk_verb,
                const Json& extra, const std::string& done) {
  const int ways = (choice.jobs.empty() ? 0 : 1) + (choice.has_filter() ? 1 : 0) + (choice.all ? 1 : 0);
  if (ways != 1) throw UsageError("say which: ids of jobs, or what they have in common (--queue NAME, ...)");
  Json map = extra;
  if (!choice.jobs.empty()) {
    if (choice.dry_run) throw UsageError("--dry-run is for jobs that are chosen by what they have in common");
    map["jobs"] = choice.jobs;
    return context.act(verb, map, done);
  }
  for (const auto& [key, text] : {std::pair("queue", &choice.queue), std::pair("handler", &choice.handler),
                                  std::pair("state", &choice.state), std::pair("error", &choice.error),
                                  std::pair("key", &choice.key)}) {
    if (!text->empty()) map[key] = *text;
  }
  if (choice.batch != 0) map["batch"] = choice.batch;
  if (choice.older_than) {
    const auto now = std::chrono::floor<milliseconds>(read_clocks().wall.time_since_epoch());
    map["accepted_before_ms"] = (now - *choice.older_than).count();
  }
  map["dry_run"] = choice.dry_run;
  return context.act(bulk_verb, map, choice.dry_run ? "fit (nothing was done)" : done);
}

}  // namespace joinery::cli
