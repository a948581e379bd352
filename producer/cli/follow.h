// joinery job show --follow: what a job's handler says, as it comes, until the job has ended.
#pragma once

#include "producer/cli/command.h"

namespace joinery::cli {

// success if it succeeded, else jobs_failed.
ExitCode follow(Context& context, JobId job);

}  // namespace joinery::cli
