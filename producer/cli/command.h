// The one table of commands, from which parsing and --help follow. A command registers what it takes and
// returns what it does; each has its own file or shares it with its like.
#pragma once

#include <functional>
#include <span>

#include "producer/cli/arguments.h"
#include "producer/cli/context.h"
#include "shared/base/exit_code.h"

namespace joinery::cli {

// Throws ClientError; the caller tells it and knows the exit code.
using Run = std::function<ExitCode(Context&)>;

struct Command {
  const char* name;     // "submit", or "queue ls"
  const char* group;    // heading in --help
  const char* summary;  // one line
  Run (*define)(Arguments&);
  const char* examples = "";  // for --help; empty: define() gives more than a line or two
};

std::span<const Command> commands();
// Nouns of the two-word commands ("queue"), with what --help says of them. A noun alone is its `ls`.
struct Noun {
  const char* name;
  const char* group;
  const char* summary;
};
std::span<const Noun> nouns();

Run define_up(Arguments&);
Run define_down(Arguments&);
Run define_submit(Arguments&);
Run define_map(Arguments&);
Run define_join(Arguments&);
Run define_result(Arguments&);
Run define_status(Arguments&);
Run define_stats(Arguments&);
Run define_cancel(Arguments&);
Run define_queue_ls(Arguments&);
Run define_queue_show(Arguments&);
Run define_queue_pause(Arguments&);
Run define_queue_resume(Arguments&);
Run define_queue_purge(Arguments&);
Run define_queue_configure(Arguments&);
Run define_queue_forget(Arguments&);
Run define_job_ls(Arguments&);
Run define_job_show(Arguments&);
Run define_job_retry(Arguments&);
Run define_job_update(Arguments&);
Run define_job_move(Arguments&);
Run define_dead_ls(Arguments&);
Run define_dead_show(Arguments&);
Run define_dead_retry(Arguments&);
Run define_dead_delete(Arguments&);
Run define_limit_set(Arguments&);
Run define_limit_ls(Arguments&);
Run define_limit_rm(Arguments&);
Run define_schedule_add(Arguments&);
Run define_schedule_ls(Arguments&);
Run define_schedule_show(Arguments&);
Run define_schedule_rm(Arguments&);
Run define_schedule_run(Arguments&);
Run define_schedule_pause(Arguments&);
Run define_schedule_resume(Arguments&);
Run define_explain(Arguments&);
Run define_worker_ls(Arguments&);
Run define_lock_ls(Arguments&);
Run define_batch_open(Arguments&);
Run define_batch_ls(Arguments&);
Run define_batch_show(Arguments&);
Run define_batch_close(Arguments&);
Run define_flow_submit(Arguments&);
Run define_batch_cancel(Arguments&);
Run define_bench(Arguments&);

}  // namespace joinery::cli
