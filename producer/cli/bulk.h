// Verbs on jobs that are named, or on all that fit a filter.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/arguments.h"
#include "producer/cli/context.h"

namespace joinery::cli {

struct Choice {
  std::vector<JobId> jobs;
  std::string queue, handler, state, error, key;
  std::uint64_t batch = 0;
  std::optional<milliseconds> older_than;
  bool all = false;
  bool dry_run = false;

  bool has_filter() const;
};

// `states`: what --state takes; null: there is none. `all`: what --all means; null: there is none.
void add_choice(Arguments& arguments, Choice& choice, const char* states, const char* all);
// Asks `verb` for the jobs named, else `bulk_verb` for those that fit, with `extra` arguments. Throws
// UsageError unless one of both was said.
ExitCode act_on(Context& context, const Choice& choice, const char* verb, const char* bulk_verb,
                const Json& extra, const std::string& done);

}  // namespace joinery::cli
