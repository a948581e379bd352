// Looks at a whole data directory and changes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/journal/lost_payloads.h"
#include "broker/journal/posix_storage.h"
#include "broker/journal/repair_plan.h"
#include "broker/journal/survey.h"

namespace joinery::broker::journal {
namespace {

// The segments up to where the log was read: below its checkpoint the payloads are needed, the changes are
// not. The gaps in them.
Result<std::vector<Gap>> survey_old_segments(Directory& directory, const Format& format,
                                             const Listing& listing, Position stop, const OnRecord& each) {
  std::vector<Gap> all;
  for (const std::uint64_t segment : listing.segments) {
    if (format.start_of(segment) >= stop) break;
    const auto gaps = survey_segment(directory, format, segment, stop, each);
    if (!gaps) return std::unexpected(gaps.error());
    all.insert(all.end(), gaps->begin(), gaps->end());
  }
  return all;
}

// A gap costs the jobs whose payloads lie in it, and nothing where none does; `lost` are told already.
// `known`: the log could be read, so that the jobs are.
std::vector<JournalDamage> costly(const Format& format, const std::vector<Gap>& gaps,
                                  const Recovery& recovery, const std::vector<JobId>& lost, bool known) {
  const std::set<JobId> told(lost.begin(), lost.end());
  std::vector<std::uint64_t> jobs(gaps.size());
  if (!gaps.empty()) {
    recovery.each_payload([&](JobId job, Place place) {
      if (place.size == 0 || told.contains(job)) return;
      auto gap = std::ranges::upper_bound(gaps, place.position, {}, &Gap::end);
      for (; gap != gaps.end() && gap->begin < place.position + place.size; ++gap)
        ++jobs[static_cast<std::size_t>(gap - gaps.begin())];
    });
  }
  std::vector<JournalDamage> damages;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (known && jobs[i] == 0) continue;
    std::string what = "expected a record, found none that checks";
    if (known) what += fmt::format("; the payloads of {} jobs lie here", jobs[i]);
    damages.push_back({place_name(format, gaps[i].begin), gaps[i].end - gaps[i].begin, std::move(what)});
  }
  return damages;
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
  if (end.bad_mark) report.damages.push_back(bad_mark(*end.bad_mark));
  const auto gaps = survey_old_segments(directory, format, *listing, stop, count);
  if (!gaps) return std::unexpected(gaps.error());
  if (end.bad_mark && report.records == 0 && end.checkpoint_bytes == 0) report.damage = wrong_meta().message;
  report.payload_damages = costly(format, *gaps, recovery, lost->jobs, read.has_value());
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
