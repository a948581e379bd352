// joinery join
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"
#include "producer/cli/progress.h"
#include "producer/cli/waiting.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::vector<JobId> jobs;
  std::optional<std::string> queue;
  std::uint64_t batch = 0;
  std::optional<milliseconds> timeout;
};

constexpr const char* examples =
    R"(  joinery join                    everything in the queue of the configuration
  joinery join --batch 3 --timeout 10m
  joinery join 17 18 19
A crawl that feeds itself too is finished only when no job of it is left. Exit code 2: not every job succeeded; a queue's
counts, and so its exit code, are of all jobs it ever had: join a batch to ask about some.)";

Counts join_jobs(Context& context, const Flags& flags) {
  Counts counts;
  for (const JobOutcome& outcome : wait_for_jobs(context, flags.jobs, flags.timeout)) {
    if (!outcome.known)
      throw ClientError(
          {Code::unknown_job, fmt::format("the broker does not know job {} (any more)", outcome.job), {}});
    switch (outcome.outcome) {
      case Outcome::succeeded: ++counts.succeeded; break;
      case Outcome::failed: ++counts.failed; break;
      case Outcome::cancelled: ++counts.cancelled; break;
      case Outcome::expired: ++counts.expired; break;
    }
  }
  return counts;
}

Progress progress_of(const Json& reply) {
  const Counts counts = counts_of(member(reply, "counts"));
  return {counts.unfinished() + counts.finished(), true, counts};
}

// Waits with a bar for a queue or batch; `verb` tells its counts.
template <typename Wait>
Counts join_all(Context& context, const char* verb, const Json& which, Wait wait) {
  context.client();  // connected before the clock of the bar starts
  Bar bar(context.out, read_clocks().mono);
  return while_waiting(wait, milliseconds(bar.shown() ? 200 : 3'600'000),
                       [&] { bar.show(progress_of(context.request(verb, which)), read_clocks().mono); });
}

Counts join(Context& context, const Flags& flags) {
  if (!flags.jobs.empty()) return join_jobs(context, flags);
  Client& client = context.client();
  if (flags.batch != 0)
    return join_all(context, "batch.show", Json{{"batch", flags.batch}},
                    [&] { return client.join_batch(flags.batch, flags.timeout); });
  const std::string queue = flags.queue.value_or(context.settings.queue);
  return join_all(context, "queue.show", Json{{"queue", queue}},
                  [&] { return client.join_queue(queue, flags.timeout); });
}

}  // namespace

Run define_join(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, false);
  arguments.option("-q,--queue", flags->queue, "every job of this queue; else that of the configuration",
                   "NAME");
  arguments.option("--batch", flags->batch, "every job of this batch", 1);
  arguments.option("--timeout", flags->timeout, "give up waiting after this (exit code 3)");
  arguments.examples(examples);
  return [flags](Context& context) {
    if ((flags->jobs.empty() ? 0 : 1) + (flags->queue ? 1 : 0) + (flags->batch == 0 ? 0 : 1) > 1)
      throw UsageError("say one of --queue, --batch and ids of jobs");
    const Counts counts = join(context, *flags);
    if (context.out.json())
      context.out.value(Json{{"counts", counts_json(counts)}});
    else
      context.out.table(counts_table(counts));
    return exit_code(counts);
  };
}

}  // namespace joinery::cli
