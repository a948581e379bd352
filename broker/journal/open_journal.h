// Opens the journal of a data directory: our segmented log on a local disk (docs/journal.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/journal/journal.h"
#include "shared/base/error.h"
#include "shared/base/time.h"

namespace joinery::broker {

struct JournalOptions {
  std::string directory = "joinery-data";
  // Of a new data directory; an old one keeps its own. A power of two, at least 4096 and record_bytes_max.
  std::uint64_t segment_bytes = std::uint64_t{64} << 20U;
  // Largest record: a frame with its changes. append checks it.
  std::uint64_t record_bytes_max = std::uint64_t{32} << 20U;
  Duration interval{100'000};  // after which what was committed without sync is synced
  std::uint64_t tail_bytes = std::uint64_t{32} << 20U;  // of the log's end that stay in memory for reading
  // A checkpoint is wanted when the log has grown by this, or by the size of the last one if that is more.
  std::uint64_t checkpoint_bytes = std::uint64_t{128} << 20U;
  // Checkpoints expected to be larger than this are written by a forked child.
  std::uint64_t fork_bytes = std::uint64_t{1} << 20U;
  // false: no thread; commit(true) writes and syncs before it returns (for tests), or hands that over to
  // `later`, which calls it at another time, in order (for simulations).
  bool own_thread = true;
  // For a repair that is carried out: the directory is locked already, and what would say that it is not
  // whole yet (the mark, the repair's plan, payloads that are gone) is not looked at.
  bool repairing = false;
  std::function<void(std::function<void()>)> later{};
};

// Told once of a failed write or sync, with disk_full or io_error and the place; by the journal's own thread,
// so it must not call the journal. It should end the process: nothing becomes durable any more.
using Fatal = std::function<void(const Error&)>;

// Opens the journal, makes it if it is not there, and tells `recovery` what is in it. Errors: journal_locked,
// journal_corrupt (segment and offset), unsupported_format, io_error, disk_full, invalid_argument, and what
// `recovery` returns.
Result<std::unique_ptr<Journal>> open_journal(const JournalOptions& options, Recovery& recovery, Fatal fatal);

// A place that does not check.
struct JournalDamage {
  std::string place;        // "segment-0000000000000000 at offset 1234"
  std::uint64_t bytes = 0;  // from there to the next record that checks
  std::string what;         // was expected, and found
};

// What check_journal found.
struct JournalReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  bool clean = true;   // the last life stopped in order
  std::string end;     // where the log ends, or reading it stopped
  std::string damage;  // the first of all, with its place; empty: none
  // Those with which no broker starts, and those below the checkpoint, which cost the jobs whose payloads lie
  // there.
  std::vector<JournalDamage> damages, payload_damages;
  // Segments that are missing or cut off, in which payloads of jobs lay that are left. No broker starts with
  // these either.
  std::vector<JournalDamage> lost_payloads;
};

// Reads everything and changes nothing; `recovery` is told what a start would tell it. Errors: journal_locked
// while a broker runs, and if there is no journal.
Result<JournalReport> check_journal(const std::string& directory, Recovery& recovery);

// What repair_journal did.
struct JournalRepair {
  std::vector<JournalDamage> damages;  // empty: there was nothing to do
  std::vector<std::string> moved;      // files that hold what was given up
  std::string end;                     // where the log was cut; empty: nowhere
  std::uint64_t records_kept = 0;      // their sequences are 1 to this
  std::uint64_t last_record = 0;       // sequence of the last that was there
  std::uint64_t records_given_up = 0;  // of those behind, that could still be read
  std::uint64_t unknown_bytes = 0;     // of the log that are gone: how many records were there is not known
  bool end_unknown = false;            // nor how many bytes: there may have been more of it
  std::vector<JobId> without_payload;  // left, but their payloads are not: the caller gives them up
  // Of an earlier repair that had been cut off, and was finished now. Of that one, only the report is known.
  bool resumed = false;
  std::string report;       // what the caller said
  std::string report_file;  // in the data directory, where that stands
};

// How the log goes on where it was cut, and what the user is told: also by a later repair, if this one is cut
// off. Each change becomes a record, of at most 4096 bytes, and brings no payloads.
struct RepairEnd {
  std::vector<Change> changes;
  std::string report;
};
using GoOn = std::function<RepairEnd(const JournalRepair&)>;

// Cuts the log at its first damage, and moves everything from there on aside. `kept` is told what a start
// will find, `given_up` the changes that can be read behind the damage, and then `go_on` is asked; before it
// nothing is changed (but a checkpoint of which one bit is turned back). Wherever it is cut off, no journal
// opens until the next one has finished it, without asking again. If records check but contradict each other,
// that is no damage of the disk, and is returned as the error that it is at a start.
Result<JournalRepair> repair_journal(const std::string& directory, Recovery& kept, Recovery& given_up,
                                     const GoOn& go_on);

namespace journal {
class Directory;
// The same on any storage (tests, simulations).
Result<std::unique_ptr<Journal>> open_journal_in(std::shared_ptr<Directory> directory,
                                                 const JournalOptions& options, Recovery& recovery,
                                                 Fatal fatal);
Result<JournalReport> check_journal_in(Directory& directory, Recovery& recovery);
Result<JournalRepair> repair_journal_in(const std::shared_ptr<Directory>& directory, Recovery& kept,
                                        Recovery& given_up, const GoOn& go_on);
}  // namespace journal

}  // namespace joinery::broker
