// Looks at a whole data directory and changes nothing.
#include <algorithm>

#include "broker/journal/posix_storage.h"
#include "broker/journal/survey.h"

namespace joinery::broker::journal {
namespace {

// The segments below the log that is read at the start: their payloads are needed, their changes are not.
Result<> check_old_segments(Directory& directory, const Format& format, const Listing& listing, Position stop,
                            const OnRecord& each, JournalReport& report) {
  for (const std::uint64_t segment : listing.segments) {
    if (format.start_of(segment) >= stop) break;
    auto damages = survey_segment(directory, format, segment, stop, each);
    if (!damages) return std::unexpected(damages.error());
    std::ranges::move(*damages, std::back_inserter(report.payload_damages));
  }
  return {};
}

}  // namespace

Result<JournalReport> check_journal_in(Directory& directory, Recovery& recovery) {
  if (auto done = directory.lock(); !done) return std::unexpected(done.error());
  auto listing = list_files(directory);
  if (!listing) return std::unexpected(listing.error());
  const auto meta = read_meta(directory);
  if (!meta) return std::unexpected(meta.error());
  const Format format(*meta);

  JournalReport report;
  report.segments = listing->segments.size();
  const OnRecord count = [&report](const Record& record) -> Result<> {
    ++report.records;
    report.payload_bytes += record.payloads.size();
    return {};
  };
  LogEnd end;
  const auto read = read_log(directory, format, *listing, recovery, end);
  if (!read && read.error().code != Code::journal_corrupt) return std::unexpected(read.error());
  if (!read) report.damage = read.error().message;
  report.clean = read && end.clean;
  report.end = place_name(format, end.position);
  const Position stop = end.position;
  auto damages = survey_log(directory, format, *listing, end, count);
  if (!damages) return std::unexpected(damages.error());
  report.damages = std::move(*damages);
  if (auto done = check_old_segments(directory, format, *listing, stop, count, report); !done) {
    return std::unexpected(done.error());
  }
  if (report.damage.empty() && !report.payload_damages.empty()) {
    const JournalDamage& first = report.payload_damages.front();
    report.damage = first.place + ": " + first.what;
  }
  return report;
}

}  // namespace joinery::broker::journal

namespace joinery::broker {

Result<JournalReport> check_journal(const std::string& directory, Recovery& recovery) {
  auto opened = journal::open_directory(directory);
  if (!opened) return std::unexpected(opened.error());
  return journal::check_journal_in(**opened, recovery);
}

}  // namespace joinery::broker
