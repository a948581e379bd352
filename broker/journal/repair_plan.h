// The file `repair`: everything that a repair is about to do, made durable before it changes anything. No
// journal with such a file opens, and the next repair begins with it: so a repair that is cut off, after any
// of its steps, ends as if it had not been.
//
// If you change this: docs/journal.md first, then format_version.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/journal/format.h"
#include "broker/journal/recovery.h"
#include "broker/journal/storage.h"

namespace joinery::broker::journal {

constexpr const char* plan_name = "repair";

struct RepairPlan {
  struct Move {
    std::string from, to;
  };
  Position end = 0;     // where the log goes on
  Position beyond = 0;  // behind all that was there: the mark while the repair goes on, so that also without
                        // this plan it is known that something is missing
  std::string copy;     // to which the segment of `end` is copied before it is cut; empty: none is needed
  std::vector<Move> aside;  // what is renamed
  Buffer changes;           // encoded: with which the log goes on, each in a record
  std::string report;       // for the user,
  std::string report_file;  // who finds it in this file, too
};

// What a record of `changes` may take: it fits the smallest segment.
constexpr std::uint64_t plan_record_max = 4096;

// What is said of a directory that has one.
Error repair_was_cut_off();

Buffer encode_plan(const Format& format, const RepairPlan& plan);
// None if there is no such file. Error: journal_corrupt, or unsupported_format.
Result<std::optional<RepairPlan>> read_plan(Directory& directory, const Format& format, bool there);

// Does what the plan says, and removes its file; as often as it takes. The caller has the directory's lock.
// Error: journal_corrupt if the log that is kept does not check any more.
Result<> carry_out(const std::shared_ptr<Directory>& directory, const Format& format, const RepairPlan& plan);

}  // namespace joinery::broker::journal
