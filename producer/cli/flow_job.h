// One job of a flow file: its keys, which are named as the flags of submit.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/context.h"
#include "producer/cli/json.h"

namespace joinery::cli {

struct FlowJob {
  std::string name;
  std::string handler;
  Buffer payload;
  std::vector<std::string> after;  // names of jobs before it
  SubmitOptions options;           // without after
  bool keeps_result = false;       // says how long itself
};

// Errors name the job and key: "jobs.report.attempts".
Result<FlowJob> parse_flow_job(const std::string& name, const Json& map, const Settings& settings, Wall now);

// What is said of an option or a field of the wire, by the job's key: "jobs.report.timeout_soft is ...".
Error of_job(const Error& error, const std::string& job);
// "FIELD MESSAGE", of this field.
Error wrong_field(const std::string& field, const std::string& message);
Result<> read_field(const Json& value, const std::string& field, std::string& out);

}  // namespace joinery::cli
