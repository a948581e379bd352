// Jobs that have ended and are remembered: how they are chosen, listed and shown.
#pragma once

#include "producer/cli/command.h"

namespace joinery::cli {

struct Finished {
  bool wanted = false;  // --finished
  std::string handler, key, error;
  std::uint64_t batch = 0;
  std::optional<milliseconds> older_than, newer_than;
  bool filtered() const;
};
void add_finished(Arguments& arguments, Finished& finished);

// What they have in common with other jobs in a list.
struct FinishedPage {
  std::string queue;
  std::string outcome;  // empty: any
  std::uint64_t most = 0;
  JobId after = 0;
};
ExitCode list_finished(Context& context, const Finished& finished, const FinishedPage& page);
void print_finished(Output& out, const Json& job);

}  // namespace joinery::cli
