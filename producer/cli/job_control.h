// The flags of submit and map that say when a job runs again, or runs once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "producer/cli/arguments.h"
#include "producer/client/joinery/client.h"

namespace joinery::cli {

struct JobControlFlags {
  std::string backoff;
  std::string jitter;
  std::vector<std::string> no_retry;
  std::optional<milliseconds> deadline_in;
  std::optional<std::string> unique;
  std::string unique_scope, unique_until, on_conflict;
  std::vector<std::string> after, after_batches;
  bool after_any = false;
  bool inputs = false;
};

// When a job may start, and what ends it before it has.
struct SubmissionTimes {
  std::optional<milliseconds> delay;
  std::optional<Wall> run_at;
  std::optional<milliseconds> expires_in, deadline_in;
};

void add_job_control(Arguments& arguments, JobControlFlags& flags);
// --unique and what belongs to it, for commands that put one job at a time.
void add_unique(Arguments& arguments, JobControlFlags& flags);

// All of these throw UsageError, naming the flag.
void refuse_zero(const std::optional<milliseconds>& time, const char* flag);
void check_timeouts(const std::optional<milliseconds>& soft, const std::optional<milliseconds>& hard);
// What may start only when it is over.
void check_start(const SubmissionTimes& times, Wall now);
void apply_job_control(const JobControlFlags& flags, Wall now, SubmitOptions& options);

}  // namespace joinery::cli
