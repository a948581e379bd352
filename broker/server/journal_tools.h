// joinery-broker --check-journal and --repair-journal: what they find and do, as text for people.
#pragma once

#include <string>

#include "shared/base/error.h"

namespace joinery::broker::server {

struct JournalFinding {
  bool whole = true;  // nothing is wrong (any more)
  std::string text;   // lines
};

// Reads everything and changes nothing. Error: as open_journal; invalid_argument if there is no journal.
Result<JournalFinding> check_data(const std::string& data_dir);
// Cuts a damaged log at its first damage, moves what was behind it aside, and names the jobs that are given
// up and those that will run again. A whole one is left as it is.
Result<JournalFinding> repair_data(const std::string& data_dir);

}  // namespace joinery::broker::server
