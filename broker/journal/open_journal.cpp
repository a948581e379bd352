#include "broker/journal/open_journal.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <bit>

#include "broker/journal/log_journal.h"
#include "broker/journal/lost_payloads.h"
#include "broker/journal/posix_storage.h"
#include "broker/journal/recovery.h"
#include "broker/journal/repair_plan.h"
#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {

Result<> check_options(const JournalOptions& options) {
  if (options.segment_bytes < 4096 || !std::has_single_bit(options.segment_bytes)) {
    return fail(Code::invalid_argument, "must be a power of two of at least 4096", "journal.segment_bytes");
  }
  return {};
}

Result<> make_meta(Directory& directory, std::uint64_t segment_bytes) {
  Meta meta;
  meta.segment_bytes = segment_bytes;
  JOINERY_CHECK(::getrandom(meta.id.data(), meta.id.size(), 0) == static_cast<ssize_t>(meta.id.size()));
  return write_whole(directory, "meta", encode_meta(meta));
}

// The files of the directory; a new one is given its meta file.
Result<Listing> prepare(Directory& directory, const JournalOptions& options) {
  auto listing = list_files(directory);
  if (!listing) return listing;
  if (!listing->meta) {
    const bool is_new = listing->segments.empty() && listing->checkpoints.empty() && !listing->mark;
    if (!is_new) return listing;
    if (auto done = make_meta(directory, options.segment_bytes); !done) return std::unexpected(done.error());
    std::erase(listing->unfinished, "meta.new");
    listing->meta = true;
  }
  for (const std::string& name : listing->unfinished) {
    if (auto done = directory.remove(name); !done) return std::unexpected(done.error());
  }
  return listing;
}

Opened describe(const Format& format, const LogEnd& end) {
  Opened opened;
  opened.id = format.id();
  opened.clean = end.clean;
  opened.end = place_name(format, end.position);
  opened.records = end.records;
  return opened;
}

Result<> expect_payloads(Directory& directory, const Format& format, const Listing& listing,
                         const Recovery& recovery) {
  const auto lost = find_lost_payloads(directory, format, listing.segments, recovery);
  if (!lost) return std::unexpected(lost.error());
  if (lost->damages.empty()) return {};
  const JournalDamage& first = lost->damages.front();
  return fail(Code::journal_corrupt, fmt::format("{}: {}", first.place, first.what));
}

}  // namespace

Result<std::unique_ptr<Journal>> open_journal_in(std::shared_ptr<Directory> directory,
                                                 const JournalOptions& options, Recovery& recovery,
                                                 Fatal fatal) {
  if (auto done = check_options(options); !done) return std::unexpected(done.error());
  if (!options.repairing) {
    if (auto done = directory->lock(); !done) return std::unexpected(done.error());
  }
  auto listing = prepare(*directory, options);
  if (!listing) return std::unexpected(listing.error());
  if (options.repairing) listing->mark = listing->plan = false;
  if (listing->plan) return std::unexpected(repair_was_cut_off());
  const auto meta = read_meta(*directory, *listing);
  if (!meta) return std::unexpected(meta.error());
  if (meta->segment_bytes < options.record_bytes_max) {
    return fail(
        Code::invalid_argument,
        fmt::format("the data directory has segments of {} bytes; records of up to {} bytes do not fit",
                    meta->segment_bytes, options.record_bytes_max),
        "journal.segment_bytes");
  }
  const Format format(*meta);
  LogEnd end;
  if (auto done = read_log(*directory, format, *listing, recovery, end); !done)
    return std::unexpected(done.error());
  if (end.bad_mark) return std::unexpected(*end.bad_mark);
  if (!options.repairing) {
    if (auto done = expect_payloads(*directory, format, *listing, recovery); !done)
      return std::unexpected(done.error());
  }
  if (auto done = secure_end(*directory, format, *listing, end); !done) return std::unexpected(done.error());
  listing = list_files(*directory);
  if (!listing) return std::unexpected(listing.error());
  auto journal =
      std::make_unique<LogJournal>(std::move(directory), format, options, *listing, end, std::move(fatal));
  if (!journal->begin()) return fail(Code::io_error, "the journal's first record cannot be written");
  recovery.opened(describe(format, end));
  return journal;
}

}  // namespace joinery::broker::journal

namespace joinery::broker {

Result<std::unique_ptr<Journal>> open_journal(const JournalOptions& options, Recovery& recovery,
                                              Fatal fatal) {
  auto directory = journal::open_directory(options.directory);
  if (!directory) return std::unexpected(directory.error());
  return journal::open_journal_in(std::move(*directory), options, recovery, std::move(fatal));
}

}  // namespace joinery::broker
