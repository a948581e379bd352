// joinery result
#include "producer/cli/command.h"
#include "producer/cli/outcome.h"
#include "producer/cli/waiting.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::vector<JobId> jobs;
  std::optional<milliseconds> timeout;
  bool raw = false;
};

constexpr const char* examples =
    R"(  joinery result 17                what job 17 printed, or its value as JSON
  joinery result 17 18 19 --json   a line each: outcome, result or error, attempt, worker, times
A command's stdout goes to stdout and its stderr to stderr. Exit code 2: a job did not succeed.)";

ExitCode result(Context& context, const Flags& flags) {
  const auto ended = with_results(context.client(), wait_for_jobs(context, flags.jobs, flags.timeout));
  ExitCode code = ExitCode::success;
  for (const Ended& one : ended) {
    const ExitCode its = print_result(context.out, one, flags.raw ? Form::raw : Form::readable);
    if (its == ExitCode::failure || code == ExitCode::success) code = its;
  }
  return code;
}

}  // namespace

Run define_result(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.jobs(flags->jobs, true);
  arguments.option("--timeout", flags->timeout, "give up waiting for the jobs after this (exit code 3)");
  arguments.flag("--raw", flags->raw, "the bytes of the value as they are");
  arguments.examples(examples);
  return [flags](Context& context) { return result(context, *flags); };
}

}  // namespace joinery::cli
