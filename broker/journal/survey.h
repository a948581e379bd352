// Reads a log past its damage: where it is damaged, what was expected there, and what stands behind.
#pragma once

#include <functional>
#include <vector>

#include "broker/journal/open_journal.h"
#include "broker/journal/record_stream.h"
#include "broker/journal/recovery.h"

namespace joinery::broker::journal {

using OnRecord = std::function<Result<>(const Record&)>;

// The record that should stand at the end of `so_far`, and what stands there instead, for people.
std::string what_is_wrong(Directory& directory, const Format& format, const LogEnd& so_far);

// The same of a log that does not go as far as is known that it went; `why` is what read_log says.
JournalDamage damage_at_end(const Format& format, const LogEnd& end, const Error& why);

// A mark that does not check.
JournalDamage bad_mark(const Error& why);
// Of a directory in which neither the mark nor any record checks.
Error wrong_meta();

// Reads on from `end`, where reading stopped, to the true end of the log, and moves `end` there. What lies
// behind a place that cannot be read belongs to the log if a later record proves that the place had been
// synced. Each record that can be read goes to `each`.
Result<std::vector<JournalDamage>> survey_log(Directory& directory, const Format& format,
                                              const Listing& listing, LogEnd& end, const OnRecord& each);

// Where no record checks.
struct Gap {
  Position begin = 0, end = 0;
};
// The records of one segment below `stop`, all of which had been synced, go to `each`.
Result<std::vector<Gap>> survey_segment(Directory& directory, const Format& format, std::uint64_t segment,
                                        Position stop, const OnRecord& each);

}  // namespace joinery::broker::journal
