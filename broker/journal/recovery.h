// Finds out what a data directory holds: the newest checkpoint, the records behind it, and where the log
// ends. docs/journal.md, "Recovery", has the steps and their reasons.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "broker/journal/format.h"
#include "broker/journal/journal.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

// The files of a data directory by kind.
struct Listing {
  std::set<std::uint64_t> segments, spares;
  std::set<Position> checkpoints;
  std::vector<std::string> unfinished;  // *.new
  bool meta = false;
  bool mark = false;
  bool plan = false;  // of a repair
};
Result<Listing> list_files(Directory& directory);
Result<Meta> read_meta(Directory& directory, const Listing& listing);

// Where the log goes on.
struct LogEnd {
  Position position = 0;
  std::uint64_t sequence = 1;  // of the next record
  std::uint32_t previous = 0;
  Position proven = 0;  // known to be synced up to here
  bool clean = true;    // the last record says that the broker stopped in order; or there is none
  std::uint64_t records = 0;
  Position checkpoint = 0;
  std::uint64_t checkpoint_bytes = 0;
  std::optional<Position> mark;  // the log is at least so long, and no segment is shorter than its size
  std::optional<Error> bad_mark;
  bool damaged = false;  // what stood at `position` had been durable, or may have been
};

// Reads and changes nothing. `end` says where reading stopped, also when it fails.
Result<> read_log(Directory& directory, const Format& format, const Listing& listing, Recovery& recovery,
                  LogEnd& end);

// Writes what nothing proves to be synced again and syncs it, removes the segments behind the end, and gives
// the others the whole size that a mark promises.
Result<> secure_end(Directory& directory, const Format& format, const Listing& listing, const LogEnd& end);

// "segment-0000000000000000 at offset 1234"
std::string place_name(const Format& format, Position at);

}  // namespace joinery::broker::journal
