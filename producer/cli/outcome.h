// Outcomes and results of jobs, as the commands print them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "producer/cli/context.h"
#include "shared/base/exit_code.h"

namespace joinery::cli {

// A job that has ended, with what it left in Redis.
struct Ended {
  JobOutcome outcome;
  std::optional<results::Stored> stored;
};

// Reads the results of the outcomes in one round trip. A result of another delivery than the one that decided
// the outcome is not the job's and is left out; and there are none if the broker has no Redis.
std::vector<Ended> with_results(Client& client, std::vector<JobOutcome> outcomes);

enum class Form { readable, raw };
// Where a job of map came from.
struct MapItem {
  std::uint64_t index = 0;  // from 0
  std::string text;
};
// Prints one job's result: what a command wrote on stdout and stderr, another handler's value as JSON, and
// after it, if the job failed, its error on stderr. With --json one line on stdout, whatever it is.
// success, jobs_failed, or failure if there is neither result nor outcome.
ExitCode print_result(Output& out, const Ended& ended, Form form, const MapItem* item = nullptr);

// The last failure of a JOB of the protocol: "exit status: 3: sorry"; empty if there is none.
std::string failure_text(const Json& job);

// How long ago the time at `key` of a JOB was.
std::string ago_of(const Json& job, const char* key);
// "25 % parsing", of a progress of the protocol: {fraction, text}.
std::string progress_text(const Json& progress);
// "3 (1 failed, 2 crashed, 0 lost)", of a JOB.
std::string attempts_text(const Json& job);

// Makes JSON of the dossier in the failure of a JOB: the broker does not look into it, it is msgpack of a
// worker.
void unpack_dossier(Json& job);

// Counts as a row of words: "998 succeeded, 2 failed".
std::string summary(const Counts& counts);
Json counts_json(const Counts& counts);
Table counts_table(const Counts& counts);
Counts counts_of(const Json& map);
// success if nothing but successes.
ExitCode exit_code(const Counts& counts);

}  // namespace joinery::cli
