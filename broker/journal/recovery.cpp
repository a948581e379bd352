#include "broker/journal/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/journal/change_codec.h"
#include "broker/journal/checkpoint.h"
#include "broker/journal/mark.h"
#include "broker/journal/record_stream.h"
#include "broker/journal/repair_plan.h"
#include "broker/journal/survey.h"

namespace joinery::broker::journal {
namespace {

std::unexpected<Error> corrupt(const Format& format, Position at, const std::string& what) {
  return fail(Code::journal_corrupt, fmt::format("{}: {}", place_name(format, at), what));
}

// Reads the log from its checkpoint on.
class LogReading {
 public:
  LogReading(Directory& directory, const Format& format, const Listing& listing, Recovery& recovery,
             LogEnd& end)
      : directory_(directory), format_(format), listing_(listing), recovery_(recovery), end_(end) {}

  Result<> run() {
    const auto mark = read_mark(directory_, format_, listing_.mark);
    if (mark) {
      end_.mark = *mark;
    } else if (mark.error().code == Code::journal_corrupt) {
      end_.bad_mark = mark.error();
    } else {
      return std::unexpected(mark.error());
    }
    if (auto done = checkpoint(); !done) return done;
    end_.proven = std::max(end_.proven, end_.mark.value_or(0));
    bool more = true;
    while (more) {
      if (format_.left(end_.position) < record_header_size) end_.position += format_.left(end_.position);
      if (!listing_.segments.contains(format_.segment_of(end_.position))) break;
      auto done = segment();
      if (!done) return std::unexpected(done.error());
      more = *done;
    }
    return prove_end();
  }

 private:
  Result<> checkpoint() {
    end_.clean = listing_.checkpoints.empty() && listing_.segments.empty();
    if (listing_.checkpoints.empty()) return {};
    const std::string name = checkpoint_name(*listing_.checkpoints.rbegin());
    const auto file = read_whole(directory_, name);
    if (!file) return std::unexpected(file.error());
    const auto read = decode_checkpoint(format_, name, *file);
    if (!read) return std::unexpected(read.error());
    end_.position = end_.proven = end_.checkpoint = read->header.position;
    end_.sequence = read->header.sequence;
    end_.previous = read->header.previous;
    end_.checkpoint_bytes = file->size();
    if (auto done = recovery_.checkpoint(read->state); !done) return done;
    if (format_.offset_of(end_.position) != 0 &&
        !listing_.segments.contains(format_.segment_of(end_.position))) {
      return damaged("the segment is missing");
    }
    return {};
  }

  // Reads on in the segment of the end; whether the log goes on in the next one.
  Result<bool> segment() {
    const std::uint64_t number = format_.segment_of(end_.position);
    recovery_.progress(number - format_.segment_of(end_.checkpoint), *listing_.segments.rbegin() + 1);
    const auto file = directory_.open(segment_name(number));
    if (!file) return std::unexpected(file.error());
    RecordStream stream(**file, format_, end_.position);
    while (format_.segment_of(end_.position) == number) {
      const auto next = stream.next();
      if (!next) return std::unexpected(next.error());
      const Record* record = *next;
      if (record == nullptr || !follows(*record)) return format_.left(end_.position) < record_header_size;
      if (auto done = take(*record); !done) return std::unexpected(done.error());
    }
    return true;
  }

  bool follows(const Record& record) const {
    return record.header.sequence == end_.sequence && record.header.previous == end_.previous;
  }

  Result<> take(const Record& record) {
    if (auto done = deliver(record); !done) return done;
    end_.position = record.end();
    if (record.header.kind == RecordKind::seal) {
      end_.position = format_.start_of(format_.segment_of(record.at) + 1);
    }
    end_.clean = record.header.kind == RecordKind::close;
    end_.proven = std::max(end_.proven, record.header.durable);
    end_.previous = record.header.crc;
    ++end_.sequence;
    ++end_.records;
    return {};
  }

  Result<> deliver(const Record& record) {
    Position payloads = record.payloads_at();
    decoder_.reset(record.changes);
    while (const Change* change = decoder_.next()) {
      if (auto done = recovery_.change(*change, payloads); !done) return done;
      payloads += payload_bytes(*change);
    }
    if (!decoder_.whole()) return corrupt(format_, record.at, "the record's changes are not understood");
    if (payloads != record.payloads_at() + record.payloads.size()) {
      return corrupt(format_, record.at, "the record's payloads are not those of its changes");
    }
    return {};
  }

  // Whether a later record says that what stood at the end had been synced: then this is not the end.
  Result<> prove_end() {
    const Position end = end_.position;
    if (end_.proven > end) return missing();
    for (const std::uint64_t number : listing_.segments) {
      if (number < format_.segment_of(end)) continue;
      const auto file = directory_.open(segment_name(number));
      if (!file) return std::unexpected(file.error());
      RecordStream stream(**file, format_, std::max(end, format_.start_of(number)));
      const auto later = stream.seek(end + 1);
      if (!later) return std::unexpected(later.error());
      if (*later) return missing();
    }
    return prove_sizes();
  }

  // A segment has its whole size before its name. Whether records stood where it was cut off is known only if
  // it is known where the log ended.
  Result<> prove_sizes() {
    if (!end_.mark || (end_.clean && *end_.mark == end_.position)) return {};
    for (const std::uint64_t number : listing_.segments) {
      if (number < format_.segment_of(end_.position)) continue;
      const auto size = size_of(directory_, segment_name(number));
      if (!size) return std::unexpected(size.error());
      if (*size >= format_.segment_bytes()) continue;
      return damaged(fmt::format("what stood here may be lost: {} was cut off, it has {} of {} bytes",
                                 segment_name(number), *size, format_.segment_bytes()));
    }
    return {};
  }

  std::unexpected<Error> missing() {
    return damaged("a record that had been synced is damaged or missing: " +
                   what_is_wrong(directory_, format_, end_));
  }

  std::unexpected<Error> damaged(const std::string& what) {
    end_.damaged = true;
    return corrupt(format_, end_.position, what);
  }

  Directory& directory_;
  const Format& format_;
  const Listing& listing_;
  Recovery& recovery_;
  LogEnd& end_;
  ChangeDecoder decoder_{{}};
};

}  // namespace

Result<Listing> list_files(Directory& directory) {
  const auto names = directory.list();
  if (!names) return std::unexpected(names.error());
  Listing listing;
  for (const std::string& name : *names) {
    if (name == "meta") listing.meta = true;
    if (name == mark_name) listing.mark = true;
    if (name == plan_name) listing.plan = true;
    if (name.ends_with(".new")) listing.unfinished.push_back(name);
    if (const auto number = number_in(name, "segment-")) listing.segments.insert(*number);
    if (const auto number = number_in(name, "spare-")) listing.spares.insert(*number);
    if (const auto number = number_in(name, "checkpoint-")) listing.checkpoints.insert(*number);
  }
  return listing;
}

Result<Meta> read_meta(Directory& directory, const Listing& listing) {
  if (!listing.meta) {
    return fail(Code::journal_corrupt,
                "meta: the file is missing; it cannot be made again, but a copy of any age will do");
  }
  const auto bytes = read_whole(directory, "meta");
  if (!bytes) return std::unexpected(bytes.error());
  return decode_meta(*bytes);
}

Result<> read_log(Directory& directory, const Format& format, const Listing& listing, Recovery& recovery,
                  LogEnd& end) {
  return LogReading(directory, format, listing, recovery, end).run();
}

namespace {

// Those that an older broker, or something else, left shorter; and spares of which nobody knows that their
// size is synced, or that were not finished.
Result<> make_whole(Directory& directory, const Format& format, const Listing& listing, const LogEnd& end) {
  for (const std::uint64_t number : listing.segments) {
    if (number > format.segment_of(end.position)) continue;  // it was removed
    auto file = directory.open(segment_name(number));
    if (!file) return std::unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    if (*size >= format.segment_bytes()) continue;
    if (auto done = (*file)->write_at(Bytes("\0", 1), format.segment_bytes() - 1); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
  }
  for (const std::uint64_t number : listing.spares) {
    auto file = directory.open(spare_name(number));
    if (!file) return std::unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    auto done = *size < format.segment_bytes() ? directory.remove(spare_name(number)) : (*file)->sync();
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<> secure_end(Directory& directory, const Format& format, const Listing& listing, const LogEnd& end) {
  for (Position at = end.proven; at < end.position;) {
    const std::uint64_t size = std::min(format.left(at), end.position - at);
    auto file = directory.open(segment_name(format.segment_of(at)));
    if (!file) return std::unexpected(file.error());
    Buffer bytes(size, '\0');
    const auto got = (*file)->read_at(bytes.data(), size, format.offset_of(at));
    if (!got) return std::unexpected(got.error());
    if (auto done = (*file)->write_at(Bytes(bytes).substr(0, *got), format.offset_of(at)); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
    at += size;
  }
  for (const std::uint64_t number : listing.segments) {
    if (number <= format.segment_of(end.position)) continue;
    if (auto done = directory.remove(segment_name(number)); !done) return done;
  }
  for (const Position checkpoint : listing.checkpoints) {
    if (checkpoint == end.checkpoint) continue;
    if (auto done = directory.remove(checkpoint_name(checkpoint)); !done) return done;
  }
  if (auto done = make_whole(directory, format, listing, end); !done) return done;
  return directory.sync();
}

std::string place_name(const Format& format, Position at) {
  return fmt::format("{} at offset {}", segment_name(format.segment_of(at)), format.offset_of(at));
}

}  // namespace joinery::broker::journal
