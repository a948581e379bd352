// joinery flow submit
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
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

// The broker names the job by its place, "groups[3].columns.unique_key".
Error of_flow(Error error, const Flow& flow) {
  if (error.code == Code::frame_too_large)
    return {error.code, fmt::format("jobs are too much for one flow: {}", error.message), "jobs"};
  std::size_t place = 0;
  constexpr std::string_view begin = "groups[";
  const char* end = error.field.data() + error.field.size();
  if (!error.field.starts_with(begin)) return error;
  const auto [stop, wrong] = std::from_chars(error.field.data() + begin.size(), end, place);
  if (wrong != std::errc{} || end - stop < 2 || place >= flow.jobs.size()) return error;
  error.field = std::string(stop + 2, end);
  return of_job(error, "jobs." + flow.jobs[place].name);
}

// All of them, or none: nothing runs before the broker has accepted the whole flow.
SubmittedFlow submit_all(Context& context, Flow& flow) {
  std::map<std::string_view, std::size_t> places;
  std::vector<FlowPart> parts;
  for (FlowJob& job : flow.jobs) {
    places[job.name] = parts.size();
    FlowPart& part = parts.emplace_back(FlowPart{.handler = job.handler,
                                                 .payload = std::move(job.payload),
                                                 .options = std::move(job.options),
                                                 .after = {}});
    for (const std::string& name : job.after) part.after.push_back(places.at(name));
  }
  try {
    return context.client().submit_flow(flow.name, parts);
  } catch (const ClientError& error) {
    throw ClientError(of_flow(error.error(), flow));
  }
}

ExitCode submit(Context& context, const std::string& name) {
  const auto file = parse_json_file(read_input(name));
  if (!file) throw UsageError(fmt::format("{}: {}", name == "-" ? "stdin" : name, file.error().message));
  auto flow = parse_flow(*file, context.settings, read_clocks().wall);
  if (!flow) throw UsageError(flow.error().message, flow.error().field);
  refuse_inputs_without_redis(context, *flow);
  const SubmittedFlow submitted = submit_all(context, *flow);
  if (context.out.json()) {
    Json jobs = Json::object();
    for (std::size_t i = 0; i < flow->jobs.size(); ++i) add_new(jobs, flow->jobs[i].name, submitted.jobs[i]);
    context.out.value(Json{{"batch", submitted.batch}, {"jobs", jobs}});
  } else {
    context.out.line(fmt::format("{}", submitted.batch));
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
