// Payloads of live jobs that lie in no file any more: a segment is missing, or was cut off.
#pragma once

#include <set>
#include <vector>

#include "broker/journal/format.h"
#include "broker/journal/open_journal.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

struct LostPayloads {
  std::vector<JobId> jobs;             // in the order in which they were told
  std::vector<JournalDamage> damages;  // one for each segment, at its first lost payload
};

// Looks at the sizes of these segments, not at what is in them.
Result<LostPayloads> find_lost_payloads(Directory& directory, const Format& format,
                                        const std::set<std::uint64_t>& segments, const Recovery& recovery);

}  // namespace joinery::broker::journal
