// joinery worker ls
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"

namespace joinery::cli {
namespace {

Table worker_table(const Json& workers) {
  Table table{{"WORKER", "HOST", ">PID", ">PROCESSES", ">HOLDS", ">SUCCEEDED", ">FAILED", "HEARD", "QUEUES",
               "HANDLERS"},
              {}};
  const Wall now = read_clocks().wall;
  for (const Json& worker : workers) {
    const std::string heard = ago(static_cast<std::int64_t>(number(worker, "last_heard_ms")), now);
    table.rows.push_back(
        {text(worker, "name"), text(worker, "host"), fmt::format("{}", number(worker, "pid")),
         fmt::format("{}x{}", number(worker, "processes"), number(worker, "threads", 1)),
         count(number(worker, "holds")), count(number(worker, "succeeded")), count(number(worker, "failed")),
         truth(worker, "connected") ? heard : "AWAY, " + heard, list_text(worker, "queues"),
         list_text(worker, "handlers")});
  }
  return table;
}

}  // namespace

Run define_worker_ls(Arguments&) {
  return [](Context& context) {
    const Json reply = context.request("worker.list");
    if (context.out.json())
      context.out.value(member(reply, "workers"));
    else
      context.out.table(worker_table(member(reply, "workers")), "no workers");
    return ExitCode::success;
  };
}

}  // namespace joinery::cli
