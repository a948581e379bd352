// Gives up what a damaged journal cannot prove any more, and says what that is: the log is cut where it is
// damaged first, and what stood from there on is moved aside, not deleted; of what is left, the jobs whose
// payloads are gone are named. All of it is found out first; what is done about it is a RepairPlan.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "broker/journal/change_codec.h"
#include "broker/journal/lost_payloads.h"
#include "broker/journal/mark.h"
#include "broker/journal/mend_checkpoint.h"
#include "broker/journal/posix_storage.h"
#include "broker/journal/repair_plan.h"
#include "broker/journal/survey.h"
#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {

std::string quarantine_name(std::uint64_t number, const std::string& name) {
  return fmt::format("quarantine-{}-{}", number, name);
}

// Each repair has a number of its own, so that none overwrites what another put aside.
Result<std::uint64_t> next_number(Directory& directory) {
  const auto names = directory.list();
  if (!names) return std::unexpected(names.error());
  std::uint64_t number = 1;
  const auto taken = [&] {
    const std::string prefix = quarantine_name(number, "");
    return std::ranges::any_of(*names, [&](const auto& name) { return name.starts_with(prefix); });
  };
  while (taken()) ++number;
  return number;
}

// A repair that was cut off, and why it can't be finished.
struct Unfinished {
  Error why;
  std::optional<RepairPlan> plan;  // none: it does not check
};

// Reads everything, and changes nothing but a checkpoint of which it knows what it was.
class Finding {
 public:
  // `number`: of this repair.
  Finding(Directory& directory, const Format& format, Listing listing, std::uint64_t number, Recovery& kept,
          Recovery& given_up)
      : directory_(directory),
        format_(format),
        listing_(std::move(listing)),
        number_(number),
        kept_(kept),
        given_up_(given_up) {}

  // What is told of it, and its plan without changes and report.
  Result<JournalRepair> run(RepairPlan& plan) {
    LogEnd end;
    auto read = read_log(directory_, format_, listing_, kept_, end);
    if (!read && read.error().code == Code::journal_corrupt && end.checkpoint_bytes == 0 &&
        !listing_.checkpoints.empty()) {
      const auto mended = mend(read.error());
      if (!mended) return std::unexpected(mended.error());
      if (!*mended) give_up_checkpoint(read.error());
      end = LogEnd{};
      read = read_log(directory_, format_, listing_, kept_, end);
    }
    report_.records_kept = end.sequence - 1;
    plan.end = end.position;
    plan.beyond = behind_all(end);
    if (!read && read.error().code != Code::journal_corrupt) return std::unexpected(read.error());
    if (!read) {
      if (auto done = find_cut(end, read.error()); !done) return std::unexpected(done.error());
    }
    if (end.bad_mark) {
      report_.damages.push_back(bad_mark(*end.bad_mark));
      aside_.emplace_back(mark_name);
      report_.end_unknown = !end.clean;
      if (!cut_ && !end.clean) cut_at_unknown(end.position, plan.beyond);
    }
    if (end.bad_mark && report_.records_kept + report_.records_given_up == 0 && end.checkpoint_bytes == 0)
      return std::unexpected(wrong_meta());
    if (auto done = find_lost(); !done) return std::unexpected(done.error());
    name_moves(plan);
    return std::move(report_);
  }

  // What the log would have been told is heard, as far as it is known; this repair's plan replaces the other.
  Result<> give_up(const Unfinished& earlier) {
    const auto bytes = read_whole(directory_, plan_name);
    if (!bytes) return std::unexpected(bytes.error());
    report_.moved.push_back(aside_name(plan_name));
    if (auto done = write_whole(directory_, report_.moved.back(), *bytes); !done) return done;
    report_.damages.push_back({earlier.why.message, 0, "expected to finish a repair that was cut off"});
    return earlier.plan ? hear(earlier.plan->changes) : Result<>{};
  }

 private:
  // Whether the newest checkpoint is whole with one bit turned back.
  Result<bool> mend(const Error& why) {
    const std::string name = checkpoint_name(*listing_.checkpoints.rbegin());
    const auto file = read_whole(directory_, name);
    if (!file) return std::unexpected(file.error());
    const auto mended = mend_checkpoint(format_, name, *file);
    if (!mended) return false;
    const std::string copy = aside_name(name);
    if (auto done = write_whole(directory_, copy, *file); !done) return std::unexpected(done.error());
    if (auto done = write_whole(directory_, name, *mended); !done) return std::unexpected(done.error());
    report_.damages.push_back({why.message, 0, "one bit was not as it was written, and is turned back"});
    report_.moved.push_back(copy);
    return true;
  }

  // The log may reach back to its beginning all the same; then nothing is lost by it.
  void give_up_checkpoint(const Error& why) {
    report_.damages.push_back({why.message, 0, "expected a whole checkpoint"});
    for (const Position at : listing_.checkpoints) aside_.push_back(checkpoint_name(at));
    listing_.checkpoints.clear();
  }

  // Where the log is to be cut, and what is given up by it.
  Result<> find_cut(LogEnd end, const Error& why) {
    const Position at = end.position;
    cut_ = at;
    report_.end = place_name(format_, at);
    const bool is_proven = end.damaged;
    const JournalDamage proven = damage_at_end(format_, end, why);
    auto damages = survey_log(directory_, format_, listing_, end,
                              [this](const Record& record) { return give_up(record); });
    if (!damages) return std::unexpected(damages.error());
    // Whole records that contradict each other are not ours to judge.
    if (damages->empty() && !is_proven) return std::unexpected(why);
    if (damages->empty()) {
      report_.damages.push_back(proven);
      report_.unknown_bytes = proven.bytes;
    } else if (end.proven > end.position) {
      report_.unknown_bytes = end.proven - end.position;
    }
    std::ranges::move(*damages, std::back_inserter(report_.damages));
    report_.last_record = end.sequence - 1;
    return {};
  }

  // The broker died, and nothing says what of the log was there.
  void cut_at_unknown(Position at, Position beyond) {
    cut_ = at;
    report_.end = place_name(format_, at);
    report_.last_record = report_.records_kept;
    report_.unknown_bytes = beyond - at;
  }

  Position behind_all(const LogEnd& end) const {
    const Position files = listing_.segments.empty() ? 0 : format_.start_of(*listing_.segments.rbegin() + 1);
    return std::max({files, end.position, end.proven, end.mark.value_or(0)});
  }

  // Payloads of what is left, in what will be left of the files.
  Result<> find_lost() {
    if (cut_) {
      const auto first =
          listing_.segments.lower_bound(format_.segment_of(*cut_ + format_.segment_bytes() - 1));
      for (auto gone = first; gone != listing_.segments.end(); ++gone) aside_.push_back(segment_name(*gone));
      listing_.segments.erase(first, listing_.segments.end());
    }
    auto lost = find_lost_payloads(directory_, format_, listing_.segments, kept_);
    if (!lost) return std::unexpected(lost.error());
    std::ranges::move(lost->damages, std::back_inserter(report_.damages));
    report_.without_payload = std::move(lost->jobs);
    return {};
  }

  void name_moves(RepairPlan& plan) {
    if (cut_ && format_.offset_of(*cut_) != 0) {
      const std::string name = segment_name(format_.segment_of(*cut_));
      if (listing_.segments.contains(format_.segment_of(*cut_))) plan.copy = aside_name(name);
    }
    if (!plan.copy.empty()) report_.moved.push_back(plan.copy);
    for (const std::string& name : aside_) {
      plan.aside.push_back({name, aside_name(name)});
      report_.moved.push_back(plan.aside.back().to);
    }
  }

  Result<> give_up(const Record& record) {
    ++report_.records_given_up;
    return hear(record.changes);
  }

  Result<> hear(Bytes changes) {
    decoder_.reset(changes);
    while (const Change* change = decoder_.next()) {
      if (auto done = given_up_.change(*change, 0); !done) return done;
    }
    return {};
  }

  std::string aside_name(const std::string& name) const { return quarantine_name(number_, name); }

  Directory& directory_;
  const Format& format_;
  Listing listing_;
  const std::uint64_t number_;
  Recovery& kept_;
  Recovery& given_up_;
  JournalRepair report_;
  std::optional<Position> cut_;
  std::vector<std::string> aside_;
  ChangeDecoder decoder_{{}};
};

// What a repair finds out, and then does.
Result<JournalRepair> repair_anew(const std::shared_ptr<Directory>& directory, const Format& format,
                                  Recovery& kept, Recovery& given_up, const GoOn& go_on,
                                  const std::optional<Unfinished>& earlier) {
  auto listing = list_files(*directory);
  if (!listing) return std::unexpected(listing.error());
  const auto number = next_number(*directory);
  if (!number) return std::unexpected(number.error());
  Finding finding(*directory, format, std::move(*listing), *number, kept, given_up);
  if (earlier) {
    if (auto done = finding.give_up(*earlier); !done) return std::unexpected(done.error());
  }
  RepairPlan plan;
  auto repair = finding.run(plan);
  if (!repair || repair->damages.empty()) return repair;
  plan.report_file = repair->report_file = quarantine_name(*number, "report");
  RepairEnd end = go_on(*repair);
  for (const Change& change : end.changes) {
    const std::size_t before = plan.changes.size();
    encode_changes({&change, 1}, plan.changes);
    JOINERY_CHECK(record_size(plan.changes.size() - before) <= plan_record_max);
  }
  plan.report = repair->report = std::move(end.report);
  if (auto done = write_whole(*directory, plan_name, encode_plan(format, plan)); !done)
    return std::unexpected(done.error());
  if (auto done = carry_out(directory, format, plan); !done) return std::unexpected(done.error());
  return repair;
}

// The one that was cut off, after it was finished.
JournalRepair finished(RepairPlan& plan) {
  JournalRepair repair;
  repair.damages.push_back({"repair at offset 0", 0, "a repair was cut off, and is finished now"});
  repair.resumed = true;
  repair.report = std::move(plan.report);
  repair.report_file = std::move(plan.report_file);
  return repair;
}

}  // namespace

Result<JournalRepair> repair_journal_in(const std::shared_ptr<Directory>& directory, Recovery& kept,
                                        Recovery& given_up, const GoOn& go_on) {
  if (auto done = directory->lock(); !done) return std::unexpected(done.error());
  const auto listing = list_files(*directory);
  if (!listing) return std::unexpected(listing.error());
  const auto meta = read_meta(*directory, *listing);
  if (!meta) return std::unexpected(meta.error());
  const Format format(*meta);
  // They only take room, of which a repair needs some.
  for (const std::string& name : listing->unfinished) {
    if (auto done = directory->remove(name); !done) return std::unexpected(done.error());
  }
  auto plan = read_plan(*directory, format, listing->plan);
  if (plan && !*plan) return repair_anew(directory, format, kept, given_up, go_on, std::nullopt);
  const Result<> done = plan ? carry_out(directory, format, **plan) : std::unexpected(plan.error());
  if (done) return finished(**plan);
  if (done.error().code != Code::journal_corrupt) return std::unexpected(done.error());
  const Unfinished earlier{done.error(), plan ? *plan : std::nullopt};
  return repair_anew(directory, format, kept, given_up, go_on, earlier);
}

}  // namespace joinery::broker::journal

namespace joinery::broker {

Result<JournalRepair> repair_journal(const std::string& directory, Recovery& kept, Recovery& given_up,
                                     const GoOn& go_on) {
  auto opened = journal::open_directory(directory);
  if (!opened) return std::unexpected(opened.error());
  return journal::repair_journal_in(std::move(*opened), kept, given_up, go_on);
}

}  // namespace joinery::broker
