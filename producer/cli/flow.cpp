// joinery flow submit
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "producer/cli/command.h"
#include "producer/cli/flow_file.h"
#include "producer/cli/submission.h"

namespace joinery::cli {
namespace {

constexpr const char* examples = R"(  joinery flow submit night.json
  {"name": "night", "jobs": {
     "fetch":  {"command": ["sh", "-c", "echo 41"]},
     "report": {"command": ["wc", "-l"], "after": ["fetch"]}}}
Prints the batch of all the jobs: joinery join --batch ID waits for it.)";

// The broker would refuse the job that wants them, when those before it run already.
void refuse_inputs_without_redis(Context& context, const Flow& flow) {
  const auto wants = [](const FlowJob& job) { return job.options.spec.inputs; };
  const auto job = std::ranges::find_if(flow.jobs, wants);
  if (job == flow.jobs.end() || !context.client().redis_url().empty()) return;
  throw ClientError({Code::no_result,
                     fmt::format("jobs.{}.inputs: results cannot be passed on, as the broker has no Redis "
                                 "(redis.url is none)",
                                 job->name),
                     fmt::format("jobs.{}.inputs", job->name)});
}

JobId put(Context& context, const FlowJob& job, const SubmitOptions& options) {
  try {
    return context.client().submit(job.handler, job.payload, options).get();
  } catch (const ClientError& error) {
    throw ClientError({error.code(), fmt::format("jobs.{}: {}", job.name, error.error().message),
                       fmt::format("jobs.{}", job.name)});
  }
}

// The broker takes job by job, each after those it names; the batch is held, so that it is finished only when
// all are in. If one is refused, none of them goes on.
std::map<std::string, JobId> submit_all(Context& context, const Flow& flow, BatchId batch) {
  std::map<std::string, JobId> ids;
  try {
    for (const FlowJob& job : flow.jobs) {
      SubmitOptions options = job.options;
      options.batch = batch;
      for (const std::string& name : job.after) options.after.push_back(ids.at(name));
      ids[job.name] = put(context, job, options);
    }
  } catch (const ClientError&) {
    context.request("batch.cancel", Json{{"batch", batch}});
    throw;
  }
  context.request("batch.close", Json{{"batch", batch}});
  return ids;
}

ExitCode submit(Context& context, const std::string& name) {
  const auto file = parse_json_file(read_input(name));
  if (!file) throw UsageError(fmt::format("{}: {}", name == "-" ? "stdin" : name, file.error().message));
  const auto flow = parse_flow(*file, context.settings, read_clocks().wall);
  if (!flow) throw UsageError(flow.error().message, flow.error().field);
  refuse_inputs_without_redis(context, *flow);
  const BatchId batch =
      number(context.request("batch.open", Json{{"name", flow->name}, {"hold", true}}), "batch");
  const auto ids = submit_all(context, *flow, batch);
  if (context.out.json()) {
    Json jobs = Json::object();
    for (const FlowJob& job : flow->jobs) jobs[job.name] = ids.at(job.name);
    context.out.value(Json{{"batch", batch}, {"jobs", jobs}});
  } else {
    context.out.line(fmt::format("{}", batch));
  }
  return ExitCode::success;
}

}  // namespace

Run define_flow_submit(Arguments& arguments) {
  auto file = std::make_shared<std::string>();
  arguments.positional("FILE", *file, "JSON; -: stdin");
  arguments.examples(examples);
  return [file](Context& context) { return submit(context, *file); };
}

}  // namespace joinery::cli
