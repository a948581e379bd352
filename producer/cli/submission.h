// The options that submit and map share, and the payloads they make of arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "producer/cli/arguments.h"
#include "producer/cli/context.h"
#include "producer/cli/job_control.h"

namespace joinery::cli {

struct SubmissionFlags {
  std::string handler;
  std::vector<std::string> words;    // after HANDLER; what follows "--" comes after them
  std::optional<std::string> queue;  // else that of the settings
  std::optional<milliseconds> full_timeout, keep_result, delay, expires_in, timeout_soft, timeout_hard;
  std::optional<Wall> run_at;
  std::int64_t priority = 0;
  std::optional<std::uint64_t> attempts, crash_attempts;
  std::uint64_t batch = 0;
  std::optional<std::string> key;
  JobControlFlags control;
  bool ordered = false;
  bool no_wait_for_room = false;
  bool json_args = false;
  std::string directory;                 // exec: of the command
  std::vector<std::string> environment;  // exec: NAME=VALUE
};

void add_submission(Arguments& arguments, SubmissionFlags& flags);
SubmitOptions submit_options(const SubmissionFlags& flags, const Settings& settings, Wall now);

// HANDLER exec runs a command and has its own payload (docs/protocol.md); others take an array of arguments.
bool is_exec(const SubmissionFlags& flags);
// A word as the argument of a handler: text, or with --json-args what it is as JSON, if it is JSON.
Json argument(const SubmissionFlags& flags, const std::string& word);
// The payload of `words`. Throws UsageError for an exec without a command, for a bad NAME=VALUE, and for what
// no command can be given.
Buffer payload(const SubmissionFlags& flags, const std::vector<std::string>& words,
               const std::optional<std::string>& input = {});

// Notes on stderr that the queue is full, if a put to it is not answered for that reason.
bool note_full(Context& context, const std::string& queue);
// Notes on stderr, if so: no connected worker has the handler or serves the queue. Waits for one a moment, if
// the broker has just been started.
void warn_without_worker(Context& context, const std::string& handler, const std::string& queue);

// A file's bytes; "-" is stdin.
std::string read_input(const std::string& name);

}  // namespace joinery::cli
