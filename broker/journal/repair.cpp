// Gives up what a damaged journal cannot prove any more, and says what that is: the log is cut where it is
// damaged first, and what stood from there on is moved aside, not deleted.
#include <fmt/format.h>

#include <algorithm>

#include "broker/journal/change_codec.h"
#include "broker/journal/posix_storage.h"
#include "broker/journal/survey.h"

namespace joinery::broker::journal {
namespace {

class Repair {
 public:
  Repair(Directory& directory, const Format& format, Listing listing, Recovery& kept, Recovery& given_up)
      : directory_(directory),
        format_(format),
        listing_(std::move(listing)),
        kept_(kept),
        given_up_(given_up) {}

  Result<JournalRepair> run() {
    LogEnd end;
    auto read = read_log(directory_, format_, listing_, kept_, end);
    if (!read && read.error().code == Code::journal_corrupt && end.checkpoint_bytes == 0 &&
        !listing_.checkpoints.empty()) {
      give_up_checkpoint(read.error());
      end = LogEnd{};
      read = read_log(directory_, format_, listing_, kept_, end);
    }
    report_.records_kept = end.sequence - 1;
    if (!read && read.error().code != Code::journal_corrupt) return std::unexpected(read.error());
    if (!read) {
      if (auto done = cut(end, read.error()); !done) return std::unexpected(done.error());
    }
    for (const std::string& name : aside_) {
      if (auto done = move_aside(name); !done) return std::unexpected(done.error());
    }
    if (auto done = directory_.sync(); !done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  // The log may reach back to its beginning all the same; then nothing is lost by it.
  void give_up_checkpoint(const Error& why) {
    report_.damages.push_back({why.message, 0, "expected a whole checkpoint"});
    for (const Position at : listing_.checkpoints) aside_.push_back(checkpoint_name(at));
    listing_.checkpoints.clear();
  }

  Result<> cut(LogEnd end, const Error& why) {
    const Position at = end.position;
    report_.end = place_name(format_, at);
    auto damages = survey_log(directory_, format_, listing_, end,
                              [this](const Record& record) { return give_up(record); });
    if (!damages) return std::unexpected(damages.error());
    if (damages->empty()) return std::unexpected(why);  // whole records that contradict each other: not ours
    std::ranges::move(*damages, std::back_inserter(report_.damages));
    report_.last_record = end.sequence - 1;
    const bool begins = format_.offset_of(at) == 0;
    for (const std::uint64_t number : listing_.segments) {
      if (number > format_.segment_of(at) || (begins && number == format_.segment_of(at)))
        aside_.push_back(segment_name(number));
    }
    return begins ? Result<>{} : cut_segment(at);
  }

  Result<> give_up(const Record& record) {
    ++report_.records_given_up;
    decoder_.reset(record.changes);
    while (const Change* change = decoder_.next()) {
      if (auto done = given_up_.change(*change, 0); !done) return done;
    }
    return {};
  }

  // A copy of the whole is put aside before the segment is replaced by its good part, each in one step.
  Result<> cut_segment(Position at) {
    const std::string name = segment_name(format_.segment_of(at));
    if (!listing_.segments.contains(format_.segment_of(at))) return {};
    auto bytes = read_whole(directory_, name);
    if (!bytes) return std::unexpected(bytes.error());
    const std::string copy = aside_name(name);
    if (auto done = write_whole(directory_, copy, *bytes); !done) return done;
    report_.moved.push_back(copy);
    bytes->resize(format_.offset_of(at));
    bytes->resize(format_.segment_bytes(), '\0');
    return write_whole(directory_, name, *bytes);
  }

  Result<> move_aside(const std::string& name) {
    const std::string to = aside_name(name);
    report_.moved.push_back(to);
    return directory_.rename(name, to);
  }

  // Each repair has a number of its own, so that none overwrites what another put aside.
  std::string aside_name(const std::string& name) {
    if (number_ == 0) {
      const auto names = directory_.list();
      const auto taken = [&](std::uint64_t number) {
        const std::string prefix = fmt::format("quarantine-{}-", number);
        return names && std::ranges::any_of(*names, [&](const auto& n) { return n.starts_with(prefix); });
      };
      for (number_ = 1; taken(number_);) ++number_;
    }
    return fmt::format("quarantine-{}-{}", number_, name);
  }

  Directory& directory_;
  const Format& format_;
  Listing listing_;
  Recovery& kept_;
  Recovery& given_up_;
  JournalRepair report_;
  std::vector<std::string> aside_;
  std::uint64_t number_ = 0;
  ChangeDecoder decoder_{{}};
};

}  // namespace

Result<JournalRepair> repair_journal_in(Directory& directory, Recovery& kept, Recovery& given_up) {
  if (auto done = directory.lock(); !done) return std::unexpected(done.error());
  auto listing = list_files(directory);
  if (!listing) return std::unexpected(listing.error());
  const auto meta = read_meta(directory);
  if (!meta) return std::unexpected(meta.error());
  return Repair(directory, Format(*meta), std::move(*listing), kept, given_up).run();
}

}  // namespace joinery::broker::journal

namespace joinery::broker {

Result<JournalRepair> repair_journal(const std::string& directory, Recovery& kept, Recovery& given_up) {
  auto opened = journal::open_directory(directory);
  if (!opened) return std::unexpected(opened.error());
  return journal::repair_journal_in(**opened, kept, given_up);
}

}  // namespace joinery::broker
