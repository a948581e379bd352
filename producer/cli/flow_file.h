// A graph of jobs in a JSON file (docs/job-control.md), checked before anything is submitted.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/flow_job.h"

namespace joinery::cli {

struct Flow {
  std::string name;
  std::vector<FlowJob> jobs;  // each behind those that it comes after
};

// Errors name the job and key, "jobs.report.after". `now`: what its durations count from.
Result<Flow> parse_flow(const Json& file, const Settings& settings, Wall now);

}  // namespace joinery::cli
