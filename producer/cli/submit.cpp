// joinery submit
#include <fmt/core.h>

#include <csignal>

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
    if (!is_exec(flags)) throw UsageError("--stdin is only for handler exec");
    return payload(flags, words, read_input(*flags.input));
  }
  const bool any = !words.empty() || flags.input || !flags.environment.empty() || !flags.directory.empty();
  if (any)
    throw UsageError("--payload-file is the whole payload; there can be no ARGS, --stdin, --env or --cwd");
  return read_input(*flags.payload_file);
}

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int number) { interrupted = number; }

// The job's id. While it waits for room in a full queue, that is said once, and an interrupt withdraws it.
JobId wait_until_accepted(Context& context, std::future<JobId> accepted, const std::string& queue) {
  constexpr milliseconds patience{500};
  constexpr milliseconds glance{50};
  bool told = false;
  while (accepted.wait_for(told ? glance : patience) != std::future_status::ready) {
    if (!told && (told = note_full(context, queue)))
      for (const int number : {SIGINT, SIGTERM}) std::signal(number, interrupt);
    if (interrupted == 0) continue;
    context.client().close();
    throw ClientError({Code::closed, fmt::format("interrupted; nothing was added to queue {}", queue), {}});
  }
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  return accepted.get();
}

JobId put(Context& context, const Flags& flags, Buffer payload, SubmitOptions options) {
  const bool limited = flags.timeout && (!options.full_timeout || *flags.timeout <= *options.full_timeout);
  if (limited) options.full_timeout = flags.timeout;
  try {
    return wait_until_accepted(context, context.client().submit(flags.handler, std::move(payload), options),
                               options.queue);
  } catch (const ClientError& error) {
    if (!limited || error.code() != Code::queue_full || options.refuse_when_full) throw;
    throw ClientError({Code::timed_out,
                       fmt::format("queue {} had no room within {}; the job was not accepted", options.queue,
                                   config::format_duration(*flags.timeout)),
                       {}});
  }
}

// A success without a result is one, if nobody could expect a result.
ExitCode print_ended(Context& context, const Ended& ended, bool wants_result) {
  const bool no_redis = context.client().redis_url().empty();
  const bool succeeded = ended.outcome.known && ended.outcome.outcome == Outcome::succeeded;
  if (!succeeded || (wants_result && !no_redis)) return print_result(context.out, ended, Form::readable);
  if (context.out.json())
    print_result(context.out, ended, Form::readable);
  else if (wants_result)
    context.out.note(fmt::format(
        "job {} succeeded; its result is not kept, as the broker has no Redis (redis.url is none)",
        ended.outcome.job));
  return ExitCode::success;
}

ExitCode submit(Context& context, const Flags& flags) {
  Buffer payload = payload_of(flags, words_of(flags, context));
  SubmitOptions options = submit_options(flags, context.settings, read_clocks().wall);
  options.watch = flags.wait;
  if (!flags.content_type.empty()) options.spec.content_type = flags.content_type;
  const JobId job = put(context, flags, std::move(payload), options);
  if (!flags.wait) {
    context.out.json() ? context.out.value(Json{{"job", job}}) : context.out.line(fmt::format("{}", job));
    context.out.flush();
  }
  warn_without_worker(context, flags.handler, options.queue);
  if (!flags.wait) return ExitCode::success;
  const auto ended = with_results(context.client(), wait_for_jobs(context, {job}, flags.timeout));
  return print_ended(context, ended.front(), options.spec.result_ttl_s != 0);
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
  add_unique(arguments, flags->control);
  arguments.flag("--wait", flags->wait, "wait for the job and print its result");
  arguments.option("--timeout", flags->timeout,
                   "wait no longer for room in the queue, or with --wait for the job (exit code 3)");
  arguments.examples(examples);
  return [flags](Context& context) { return submit(context, *flags); };
}

}  // namespace joinery::cli
