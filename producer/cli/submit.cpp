// joinery submit
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/outcome.h"
#include "producer/cli/submission.h"
#include "producer/cli/waiting.h"

namespace joinery::cli {
namespace {

struct Flags : SubmissionFlags {
  std::optional<std::string> payload_file;
  std::optional<std::string> input;  // exec: file for its stdin
  std::string content_type;
  std::string unique;
  bool wait = false;
  std::optional<milliseconds> timeout;
};

constexpr const char* examples = R"(  joinery submit exec -- sh -c 'echo hi'
  joinery submit resize photo.jpg 75 --json-args        resize("photo.jpg", 75)
  joinery submit --delay 5m --attempts 5 fetch https://example.org
  joinery submit index --payload-file page.bin --content-type application/octet-stream
  joinery submit --wait exec -- wc -l /etc/passwd       prints the result instead of the id
HANDLER exec runs ARGS as a command. Other handlers get ARGS as texts (or with --json-args JSON).)";

std::vector<std::string> words_of(const Flags& flags, const Context& context) {
  std::vector<std::string> words = flags.words;
  words.insert(words.end(), context.tail.begin(), context.tail.end());
  return words;
}

Buffer payload_of(const Flags& flags, const std::vector<std::string>& words) {
  if (!flags.payload_file) {
    if (!flags.input) return payload(flags, words);
    if (!is_exec(flags))
      throw ClientError({Code::invalid_argument, "--stdin is only for handler exec", "stdin"});
    return payload(flags, words, read_file(*flags.input));
  }
  if (!words.empty())
    throw ClientError(
        {Code::invalid_argument, "--payload-file is the whole payload; there can be no ARGS", {}});
  return read_file(*flags.payload_file);
}

ExitCode submit(Context& context, const Flags& flags) {
  Buffer payload = payload_of(flags, words_of(flags, context));
  SubmitOptions options = submit_options(flags, context.settings, read_clocks().wall);
  options.unique_key = flags.unique;
  options.watch = flags.wait;
  if (!flags.content_type.empty()) options.spec.content_type = flags.content_type;
  const JobId job = context.client().submit(flags.handler, std::move(payload), options).get();
  if (!flags.wait) {
    context.out.json() ? context.out.value(Json{{"job", job}}) : context.out.line(fmt::format("{}", job));
    context.out.flush();
  }
  warn_without_worker(context, flags.handler, options.queue);
  if (!flags.wait) return ExitCode::success;
  auto ended = with_results(context.client(), wait_for_jobs(context, {job}, flags.timeout));
  if (options.spec.result_ttl_s == 0 && ended.front().outcome.outcome == Outcome::succeeded)
    return ExitCode::success;
  return print_result(context.out, ended.front(), Form::readable);
}

}  // namespace

Run define_submit(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("HANDLER", flags->handler, "what runs the job: exec, or a handler of a worker");
  arguments.positionals("ARGS", flags->words, "its arguments; after -- they may begin with a dash");
  add_submission(arguments, *flags);
  arguments.option("--payload-file", flags->payload_file, "the payload as it is; -: stdin", "FILE");
  arguments.option("--content-type", flags->content_type, "of the payload", "TYPE");
  arguments.option("--stdin", flags->input, "exec: what the command reads; -: our stdin", "FILE");
  arguments.option("--unique", flags->unique,
                   "one job with this key at a time: see --unique-until and --on-conflict", "KEY");
  arguments.flag("--wait", flags->wait, "wait for the job and print its result");
  arguments.option("--timeout", flags->timeout, "with --wait: give up after this (exit code 3)");
  arguments.examples(examples);
  return [flags](Context& context) { return submit(context, *flags); };
}

}  // namespace joinery::cli
