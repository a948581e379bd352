// joinery job update|move
#include <fmt/core.h>

#include "producer/cli/bulk.h"
#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::vector<JobId> jobs;
  std::optional<std::string> priority;
  std::optional<Wall> run_at;
};

}  // namespace

Run define_job_update(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, true);
  arguments.option("--priority", flags->priority, "lower runs first, in queues of mode priority", "NUMBER");
  arguments.option("--run-at", flags->run_at, "start no earlier; a time that is over: now");
  return [flags](Context& context) {
    Json map{{"jobs", flags->jobs}};
    if (flags->priority) {
      const auto priority = parse_json(*flags->priority);
      if (!priority || !priority->is_number_integer())
        throw UsageError(fmt::format("--priority: \"{}\" is not a whole number", *flags->priority));
      map["priority"] = *priority;
    }
    if (flags->run_at)
      map["run_at_ms"] = std::chrono::floor<milliseconds>(flags->run_at->time_since_epoch()).count();
    return context.act("job.update", map, "updated");
  };
}

Run define_job_move(Arguments& arguments) {
  struct Move {
    Choice choice;
    std::string to;
  };
  auto flags = std::make_shared<Move>();
  add_choice(arguments, flags->choice, "scheduled|blocked|ready|failed", nullptr);
  arguments.option("--to", flags->to, "the queue they go to", "QUEUE");
  return [flags](Context& context) {
    return act_on(context, flags->choice, "job.move", "bulk.move", Json{{"to", flags->to}}, "moved");
  };
}

}  // namespace joinery::cli
