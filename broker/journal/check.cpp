// Looks at a whole data directory and changes nothing.
#include <algorithm>
#include <set>

#include "broker/journal/lost_payloads.h"
#include "broker/journal/posix_storage.h"
#include "broker/journal/repair_plan.h"
#include "broker/journal/survey.h"

namespace joinery::broker::journal {
namespace {

// The segments below the log that is read at the start: their payloads are needed, their changes are not. So
// damage costs nothing where no payload of `live` is.
Result<> check_old_segments(Directory& directory, const Format& format, const Listing& listing, Position stop,
                            const std::set<std::uint64_t>& live, const OnRecord& each,
                            JournalReport& report) {
  for (const std::uint64_t segment : listing.segments) {
    if (format.start_of(segment) >= stop) break;
    auto damages = survey_segment(directory, format, segment, stop, each);
    if (!damages) return std::unexpected(damages.error());
    if (live.contains(segment)) std::ranges::move(*damages, std::back_inserter(report.payload_damages));
  }
  return {};
}

// All, if the log could not be read so that it is not known.
std::set<std::uint64_t> segments_in_use(const Format& format, const Listing& listing,
                                        const Recovery& recovery, bool known) {
  if (!known) return listing.segments;
  std::set<std::uint64_t> used;
  recovery.each_payload([&](JobId, Place place) {
    if (place.size != 0) used.insert(format.segment_of(place.position));
  });
  return used;
}

}  // namespace

Result<JournalReport> check_journal_in(Directory& directory, Recovery& recovery) {
  if (auto done = directory.lock(); !done) return std::unexpected(done.error());
  auto listing = list_files(directory);
  if (!listing) return std::unexpected(listing.error());
  const auto meta = read_meta(directory, *listing);
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
  if (!read || end.bad_mark) report.damage = read ? end.bad_mark->message : read.error().message;
  if (listing->plan) report.damage = repair_was_cut_off().message;
  const auto proven = end.damaged ? std::optional(damage_at_end(format, end, read.error())) : std::nullopt;
  report.clean = read && end.clean;
  report.end = place_name(format, end.position);
  auto lost = find_lost_payloads(directory, format, listing->segments, recovery);
  if (!lost) return std::unexpected(lost.error());
  report.lost_payloads = std::move(lost->damages);
  const Position stop = end.position;
  auto damages = survey_log(directory, format, *listing, end, count);
  if (!damages) return std::unexpected(damages.error());
  report.damages = std::move(*damages);
  if (proven && report.damages.empty()) report.damages.push_back(*proven);
  const auto live = segments_in_use(format, *listing, recovery, read.has_value());
  if (auto done = check_old_segments(directory, format, *listing, stop, live, count, report); !done) {
    return std::unexpected(done.error());
  }
  for (const auto* these : {&report.lost_payloads, &report.payload_damages}) {
    if (!report.damage.empty() || these->empty()) continue;
    report.damage = these->front().place + ": " + these->front().what;
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
