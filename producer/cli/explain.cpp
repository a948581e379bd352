// joinery explain: why jobs do not run, a line for each.
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"

namespace joinery::cli {

Run define_explain(Arguments& arguments) {
  auto jobs = std::make_shared<std::vector<JobId>>();
  arguments.jobs(*jobs, true);
  arguments.examples(
      "  joinery explain 17          17: waits for key 'host:example.org' (2 of 2 running)\n"
      "  joinery --json explain 17   the same for programs\n");
  return [jobs](Context& context) {
    for (const JobId job : *jobs) {
      const Json reply = context.request("job.explain", Json{{"job", job}});
      if (context.out.json())
        context.out.value(reply);
      else
        context.out.line(fmt::format("{}: {}", job, harmless(text(reply, "text"))));
    }
    return ExitCode::success;
  };
}

}  // namespace joinery::cli
