#include "broker/server/journal_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "broker/core/core.h"
#include "broker/journal/format.h"
#include "broker/journal/open_journal.h"
#include "broker/server/given_up.h"
#include "broker/server/restore.h"

namespace joinery::broker::server {
namespace {

Result<> expect_journal(const std::string& data_dir) {
  // Its meta file may be what is lost.
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir, ignored)) {
    const std::string name = entry.path().filename();
    if (name == "meta" || journal::number_in(name, "segment-")) return {};
  }
  return fail(Code::invalid_argument, fmt::format("there is no journal in {}", data_dir), "data-dir");
}

template <typename... T>
void line(std::string& out, fmt::format_string<T...> format, T&&... values) {
  fmt::format_to(std::back_inserter(out), format, std::forward<T>(values)...);
  out += '\n';
}

void list(std::string& out, const std::vector<JournalDamage>& damages) {
  for (const JournalDamage& damage : damages) {
    line(out, "  {}, {} bytes: {}", damage.place, damage.bytes, damage.what);
  }
}

// `next`, so much further on: but at most half of the way to the last number of 32 bits, which the next
// repair may need.
std::uint64_t further(std::uint64_t next, std::uint64_t step) {
  return next + std::min(step, (std::uint64_t{UINT32_MAX} - std::min<std::uint64_t>(next, UINT32_MAX)) / 2);
}

// Fences and ids of what was given up are not given again. Of records that cannot be read it is not known how
// many there were in them, so room is left for as many as there can be.
change::Epoch epoch_behind(const Core& core, const GivenUp& given_up, const JournalRepair& repair) {
  constexpr std::uint64_t most_per_record = std::uint64_t{1} << 20U;
  constexpr std::uint64_t batch_bytes_least = 8;
  // Of 10 GiB at least.
  constexpr std::uint64_t unknown_records = std::uint64_t{1} << 28U;
  const std::uint64_t unread = repair.last_record - repair.records_kept - repair.records_given_up +
                               (repair.end_unknown ? unknown_records : 0);
  const std::uint64_t lost = unread + repair.unknown_bytes / journal::record_header_size;
  const std::uint64_t batches = unread * 1024 + repair.unknown_bytes / batch_bytes_least;
  const std::uint32_t epoch = std::max(core.epoch(), given_up.epoch());
  return {.epoch = static_cast<std::uint32_t>(further(epoch + std::uint64_t{1}, lost)),
          .next_job = std::max(core.next_job(), given_up.next_job()) + lost * most_per_record,
          .next_batch = further(std::max(core.next_batch(), given_up.next_batch()), batches)};
}

// Jobs whose payloads are gone end here: as failed, so that who waits for them goes on.
std::vector<Change> finishes(const Core& core, const std::vector<JobId>& jobs) {
  constexpr std::size_t most_per_record = 100;
  const Wall now = read_clocks().wall;
  std::vector<Change> changes;
  change::Finish finish;
  const auto add = [&] {
    if (!finish.runs.empty()) changes.emplace_back(finish);
    finish.runs.clear();
  };
  finish.outcome = Outcome::failed;
  finish.at = now;
  finish.why = "its payload was lost with a file of the journal";
  for (const JobId id : jobs) {
    const auto job = core.job(id);
    if (!job) continue;
    if (job->state == State::failed || job->state == State::parked) {
      changes.emplace_back(change::Drop{id, 1, now});
    } else {
      finish.runs.push_back({id, 1, job->attempt, job->token.epoch});
    }
    if (finish.runs.size() == most_per_record) add();
  }
  add();
  return changes;
}

// The first records behind the cut.
std::vector<Change> first_behind(const Core& core, const GivenUp& given_up, const JournalRepair& repair) {
  std::vector<Change> changes;
  if (!repair.end.empty()) changes.emplace_back(epoch_behind(core, given_up, repair));
  std::ranges::move(finishes(core, repair.without_payload), std::back_inserter(changes));
  return changes;
}

void tell_given_up(std::string& out, const JournalRepair& repair, const GivenUp& given_up, const Core& core) {
  if (!repair.without_payload.empty())
    line(out, "given up, payload lost: jobs {}", ranges_of(repair.without_payload));
  if (repair.end.empty() && repair.without_payload.empty())
    return line(out, "nothing was given up: all records are there");
  if (repair.end.empty()) return;
  if (repair.end_unknown && repair.last_record == repair.records_kept) {
    line(out, "the log was cut in {}: records 1 to {} are kept; how much stood behind is not known",
         repair.end, repair.records_kept);
  } else if (repair.unknown_bytes != 0) {
    line(out,
         "the log was cut in {}: records 1 to {} are kept; what stood in the {} bytes behind is not known",
         repair.end, repair.records_kept, repair.unknown_bytes);
  } else {
    line(out, "the log was cut in {}: records 1 to {} are kept, {} to {} given up ({} of them could be read)",
         repair.end, repair.records_kept, repair.records_kept + 1, repair.last_record,
         repair.records_given_up);
  }
  if (repair.end_unknown && repair.last_record != repair.records_kept)
    line(out, "whether more stood behind is not known: the mark would say it");
  for (const auto& [queue, ids] : given_up.jobs()) line(out, "given up, queue {}: jobs {}", queue, ids);
  if (const std::string unknown = given_up.unknown(core.next_job()); !unknown.empty())
    line(out, "given up, queue not known: jobs {}", unknown);
  if (const std::string again = given_up.run_again(); !again.empty())
    line(out, "these had ended and will run again: jobs {}", again);
}

}  // namespace

Result<JournalFinding> check_data(const std::string& data_dir) {
  if (auto there = expect_journal(data_dir); !there) return std::unexpected(there.error());
  Core core(CoreOptions{});
  Restore restore(core);
  const auto report = check_journal(data_dir, restore);
  if (!report) return std::unexpected(report.error());
  JournalFinding finding;
  std::string& out = finding.text;
  finding.whole = report->damage.empty();
  line(out, "{}: {} segments, {} records that check, {} bytes of payloads", data_dir, report->segments,
       report->records, report->payload_bytes);
  if (finding.whole) {
    line(out, "whole: the log ends in {}; {}", report->end,
         report->clean ? "its broker stopped in order" : "its broker ended abruptly");
    line(out, "epoch {}, {} jobs unfinished, {} queues", core.epoch(), core.totals().unfinished(),
         core.queues().size());
    return finding;
  }
  line(out, "damaged: {}", report->damage);
  if (!report->damages.empty()) {
    line(out, "no broker starts with this; --repair-journal gives up what stands from there on:");
    list(out, report->damages);
  }
  if (!report->lost_payloads.empty()) {
    line(out, "no broker starts with this; --repair-journal gives up the jobs whose payloads lay here:");
    list(out, report->lost_payloads);
  }
  if (!report->payload_damages.empty()) {
    line(out, "below the checkpoint: a broker starts, and buries the jobs whose payloads lie here:");
    list(out, report->payload_damages);
  }
  return finding;
}

Result<JournalFinding> repair_data(const std::string& data_dir) {
  if (auto there = expect_journal(data_dir); !there) return std::unexpected(there.error());
  Core core(CoreOptions{});
  Restore kept(core);
  GivenUp given_up(core);
  const auto repair = repair_journal(data_dir, kept, given_up, [&](const JournalRepair& found) -> RepairEnd {
    std::string report;
    list(report, found.damages);
    tell_given_up(report, found, given_up, core);
    for (const std::string& name : found.moved) line(report, "moved aside: {}/{}", data_dir, name);
    return {first_behind(core, given_up, found), std::move(report)};
  });
  if (!repair) return std::unexpected(repair.error());
  JournalFinding finding;
  if (repair->damages.empty()) {
    line(finding.text, "{}: there is nothing to repair: a broker starts with it", data_dir);
    return finding;
  }
  line(finding.text, "{}: {}", data_dir,
       repair->resumed ? "a repair was cut off; it is finished now, and had found" : "damaged");
  finding.text += repair->report;
  line(finding.text, "this report: {}/{}", data_dir, repair->report_file);
  return finding;
}

}  // namespace joinery::broker::server
