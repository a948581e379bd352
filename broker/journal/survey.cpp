#include "broker/journal/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "broker/journal/mark.h"

namespace joinery::broker::journal {
namespace {

class Survey {
 public:
  Survey(Directory& directory, const Format& format, const Listing& listing, LogEnd& end,
         const OnRecord& each)
      : directory_(directory), format_(format), listing_(listing), end_(end), each_(each) {}

  Result<std::vector<JournalDamage>> run() {
    while (true) {
      if (format_.left(end_.position) < record_header_size) end_.position += format_.left(end_.position);
      auto more = read_on();
      if (!more) return std::unexpected(more.error());
      if (*more) continue;
      more = skip_damage();
      if (!more) return std::unexpected(more.error());
      if (!*more) return std::move(damages_);
    }
  }

 private:
  // Takes the records that follow each other; whether the log goes on in another segment.
  Result<bool> read_on() {
    const std::uint64_t number = format_.segment_of(end_.position);
    if (!listing_.segments.contains(number)) return false;
    const auto file = directory_.open(segment_name(number));
    if (!file) return std::unexpected(file.error());
    RecordStream stream(**file, format_, end_.position);
    while (format_.segment_of(end_.position) == number) {
      if (format_.left(end_.position) < record_header_size) return true;
      const auto record = stream.next();
      if (!record) return std::unexpected(record.error());
      if (*record == nullptr || !follows((*record)->header)) return false;
      if (auto done = take(**record); !done) return std::unexpected(done.error());
    }
    return true;
  }

  bool follows(const RecordHeader& header) const {
    return header.sequence == end_.sequence && header.previous == end_.previous;
  }

  Result<> take(const Record& record) {
    if (auto done = each_(record); !done) return done;
    const bool seal = record.header.kind == RecordKind::seal;
    end_.position = seal ? format_.start_of(format_.segment_of(record.at) + 1) : record.end();
    end_.previous = record.header.crc;
    end_.sequence = record.header.sequence + 1;
    end_.clean = record.header.kind == RecordKind::close;
    ++end_.records;
    return {};
  }

  // Goes on at the next record, if one behind proves that this is not the end of the log.
  Result<bool> skip_damage() {
    const Position begin = end_.position;
    const auto proof = find(begin, begin + 1);
    if (!proof) return std::unexpected(proof.error());
    if (!*proof) return false;
    const auto next = find(begin + 8, 0);
    if (!next) return std::unexpected(next.error());
    const Position at = (*next).value_or(**proof);
    damages_.push_back({place_name(format_, begin), at - begin, what_is_wrong(directory_, format_, end_)});
    const auto file = directory_.open(segment_name(format_.segment_of(at)));
    if (!file) return std::unexpected(file.error());
    RecordStream stream(**file, format_, at);
    const auto record = stream.next();
    if (!record) return std::unexpected(record.error());
    end_.position = at;
    end_.sequence = (*record)->header.sequence;
    end_.previous = (*record)->header.previous;
    return true;
  }

  // The first record from `from` on that checks, is none of an earlier life, and has this `durable` or more.
  Result<std::optional<Position>> find(Position from, Position durable_least) {
    for (const std::uint64_t number : listing_.segments) {
      if (number < format_.segment_of(from)) continue;
      const auto file = directory_.open(segment_name(number));
      if (!file) return std::unexpected(file.error());
      Position at = std::max(from, format_.start_of(number));
      while (format_.segment_of(at) == number) {
        RecordStream stream(**file, format_, at);
        const auto found = stream.seek(durable_least);
        if (!found) return std::unexpected(found.error());
        if (!*found) break;
        at = stream.position();
        const auto record = stream.next();
        if (!record) return std::unexpected(record.error());
        if ((*record)->header.sequence > end_.sequence) return at;
        at += 8;
      }
    }
    return std::nullopt;
  }

  Directory& directory_;
  const Format& format_;
  const Listing& listing_;
  LogEnd& end_;
  const OnRecord& each_;
  std::vector<JournalDamage> damages_;
};

}  // namespace

std::string what_is_wrong(Directory& directory, const Format& format, const LogEnd& so_far) {
  const Position at = so_far.position;
  const std::string expected =
      fmt::format("expected record {} (previous {:08x})", so_far.sequence, so_far.previous);
  const auto file = directory.open(segment_name(format.segment_of(at)));
  if (!file) return expected + ", found no such file";
  Buffer bytes(format.left(at), '\0');
  const auto got = (*file)->read_at(bytes.data(), bytes.size(), format.offset_of(at));
  if (!got) return expected + ", found that the file cannot be read";
  bytes.resize(*got);
  if (bytes.size() < record_header_size) return expected + ", found the end of the file";
  const RecordHeader header = read_header(bytes.data());
  if (format.parse_record(bytes, at)) {
    return fmt::format("{}, found record {} (previous {:08x})", expected, header.sequence, header.previous);
  }
  if (std::ranges::all_of(bytes.substr(0, record_header_size), [](char c) { return c == '\0'; }))
    return expected + ", found zeros";
  const std::size_t whole = record_size(header.size);
  if (whole > bytes.size()) {
    return fmt::format("{}, found a header that says {} bytes where {} are left", expected, header.size,
                       bytes.size());
  }
  return fmt::format("{}, found a record whose checksum says {:08x} and should be {:08x}", expected,
                     header.crc, format.crc(at, Bytes(bytes).substr(4, whole - 4)));
}

JournalDamage damage_at_end(const Format& format, const LogEnd& end, const Error& why) {
  const std::string place = place_name(format, end.position);
  const Position known = std::max(end.proven, end.position + format.left(end.position));
  const bool names_it = why.message.starts_with(place + ": ");
  return {place, known - end.position, names_it ? why.message.substr(place.size() + 2) : why.message};
}

JournalDamage bad_mark(const Error& why) {
  constexpr std::string_view place = "mark at offset 0";
  return {std::string(place), mark_size, why.message.substr(place.size() + 2)};
}

Error wrong_meta() {
  return {
      Code::journal_corrupt,
      "meta: nothing in this directory checks with it; expected the one that was made with these files, of "
      "which a copy of any age will do",
      {}};
}

Result<std::vector<JournalDamage>> survey_log(Directory& directory, const Format& format,
                                              const Listing& listing, LogEnd& end, const OnRecord& each) {
  return Survey(directory, format, listing, end, each).run();
}

Result<std::vector<Gap>> survey_segment(Directory& directory, const Format& format, std::uint64_t segment,
                                        Position stop, const OnRecord& each) {
  std::vector<Gap> gaps;
  const auto file = directory.open(segment_name(segment));
  if (!file) return std::unexpected(file.error());
  const Position end = std::min(stop, format.start_of(segment + 1));
  RecordStream stream(**file, format, format.start_of(segment));
  while (stream.position() + record_header_size <= end) {
    const Position at = stream.position();
    const auto record = stream.next();
    if (!record) return std::unexpected(record.error());
    if (*record != nullptr) {
      if (auto done = each(**record); !done) return std::unexpected(done.error());
      if ((*record)->header.kind == RecordKind::seal) break;
      continue;
    }
    const auto next = stream.seek(0);
    if (!next) return std::unexpected(next.error());
    gaps.push_back({at, *next ? std::min(stream.position(), end) : end});
    if (!*next) break;
  }
  return gaps;
}

}  // namespace joinery::broker::journal
