#include "producer/cli/waiting.h"

#include <fmt/core.h>

namespace joinery::cli {
namespace {

// The reason why a job does not run, from the broker. Empty if it runs, or has ended.
std::string reason_of(Context& context, JobId job) {
  try {
    const Json shown = context.request("job.show", Json{{"job", job}});
    return text(shown, "state") == "failed" ? std::string() : text(shown, "reason");
  } catch (const ClientError& error) {
    if (error.code() == Code::unknown_job) return {};  // ended and forgotten
    throw;
  }
}

}  // namespace

std::vector<JobOutcome> wait_for_jobs(Context& context, const std::vector<JobId>& jobs,
                                      std::optional<milliseconds> timeout) {
  constexpr milliseconds patience{500};
  Client& client = context.client();
  std::string told;
  return while_waiting([&] { return client.wait(jobs, timeout); }, patience,
                       [&] {
                         if (!told.empty()) return;
                         told = reason_of(context, jobs.front());
                         if (!told.empty())
                           context.out.note(fmt::format("job {} waits: {}", jobs.front(), told));
                       });
}

}  // namespace joinery::cli
