// A graph of jobs in a JSON file (docs/job-control.md), checked before anything is submitted.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/json.h"
#include "producer/client/joinery/client.h"

namespace joinery::cli {

struct FlowJob {
  std::string name;
  std::string handler;
  Buffer payload;
  std::vector<std::string> after;  // names of jobs before it
  SubmitOptions options;           // without after
};

struct Flow {
  std::string name;
  std::vector<FlowJob> jobs;  // each behind those that it comes after
};

// `usual`: options where the file says nothing. Errors name the job and key, "jobs.report.after".
Result<Flow> parse_flow(const Json& file, const SubmitOptions& usual);

}  // namespace joinery::cli
