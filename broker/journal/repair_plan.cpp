#include "broker/journal/repair_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

#include "broker/journal/change_codec.h"
#include "broker/journal/mark.h"
#include "broker/journal/open_journal.h"
#include "broker/journal/varint.h"

namespace joinery::broker::journal {
namespace {

constexpr std::string_view magic = "joinery repair \n";
constexpr std::size_t crc_size = 4;

// What stands in the log is known already, but for where it ends.
struct EndOnly : Recovery {
  Result<> checkpoint(Bytes) override { return {}; }
  Result<> change(const Change&, std::uint64_t) override { return {}; }
  void opened(const Opened& opened) override { end = opened.end; }
  std::string end;
};

class Carrying {
 public:
  Carrying(Directory& directory, const Format& format, const RepairPlan& plan)
      : directory_(directory), format_(format), plan_(plan) {}

  // The log ends at the plan's end, and what stood behind is aside. The names are synced before anything is
  // appended: every journal that is opened does that.
  Result<> cut() {
    // A run before this one may not have come to that, and what follows rests on its names.
    if (auto done = directory_.sync(); !done) return done;
    auto names = directory_.list();
    if (!names) return std::unexpected(names.error());
    names_ = {names->begin(), names->end()};
    if (auto done = remove_all([](const std::string& name) { return number_in(name, "spare-").has_value(); });
        !done) {
      return done;
    }
    if (auto done = set_mark(); !done) return done;
    if (auto done = write_whole(directory_, plan_.report_file, plan_.report); !done) return done;
    if (auto done = cut_segment(); !done) return done;
    return set_aside();
  }

 private:
  // Its good part and zeros replace the segment in one step.
  Result<> cut_segment() {
    const std::uint64_t size = format_.offset_of(plan_.end);
    if (size == 0) return {};
    const std::string name = segment_name(format_.segment_of(plan_.end));
    Buffer bytes;
    if (names_.contains(name)) {
      auto whole = read_whole(directory_, name);
      if (!whole) return std::unexpected(whole.error());
      bytes = std::move(*whole);
    }
    if (!plan_.copy.empty() && !names_.contains(plan_.copy)) {
      if (auto done = write_whole(directory_, plan_.copy, bytes); !done) return done;
    }
    bytes.resize(size);
    bytes.resize(format_.segment_bytes(), '\0');
    return write_whole(directory_, name, bytes);
  }

  // A mark that does not check goes aside first.
  Result<> set_mark() {
    for (const auto& [from, to] : plan_.aside) {
      if (from != mark_name || names_.contains(to)) continue;
      if (auto done = rename(from, to); !done) return done;
    }
    return write_whole(directory_, mark_name, encode_mark(format_, plan_.beyond));
  }

  // Positions behind the end are given a second time: a record that was there once must not come up. That
  // goes for what a run before this one has appended, too.
  Result<> set_aside() {
    for (const auto& [from, to] : plan_.aside) {
      if (from == mark_name) continue;
      if (auto done = names_.contains(to) ? remove(from) : rename(from, to); !done) return done;
    }
    const std::uint64_t first = format_.segment_of(plan_.end + format_.segment_bytes() - 1);
    return remove_all([first](const std::string& name) {
      const auto segment = number_in(name, "segment-");
      return segment && *segment >= first;
    });
  }

  Result<> remove_all(const std::function<bool(const std::string&)>& which) {
    for (const std::string& name : std::set(names_)) {
      if (!which(name)) continue;
      if (auto done = remove(name); !done) return done;
    }
    return {};
  }

  Result<> rename(const std::string& from, const std::string& to) {
    if (names_.erase(from) == 0) return {};
    return directory_.rename(from, to);
  }

  Result<> remove(const std::string& name) {
    if (names_.erase(name) == 0) return {};
    return directory_.remove(name);
  }

  Directory& directory_;
  const Format& format_;
  const RepairPlan& plan_;
  std::set<std::string> names_;
};

// Where the log is durable up to then.
Result<Position> append(const std::shared_ptr<Directory>& directory, const Format& format,
                        const RepairPlan& plan) {
  JournalOptions options;
  options.record_bytes_max = plan_record_max;
  options.own_thread = false;
  options.repairing = true;
  EndOnly log;
  Error failure{Code::ok, {}, {}};
  const auto journal = open_journal_in(directory, options, log, [&](const Error& error) { failure = error; });
  if (failure.code != Code::ok) return std::unexpected(failure);
  if (!journal) return std::unexpected(journal.error());
  if (const std::string end = place_name(format, plan.end); log.end != end) {
    return fail(Code::journal_corrupt,
                fmt::format("{}: the log ends here; a repair had kept it up to {}", log.end, end));
  }
  ChangeDecoder decoder(plan.changes);
  while (const Change* change = decoder.next()) (*journal)->append({change, 1}, {});
  (*journal)->commit(true);
  if (failure.code != Code::ok) return std::unexpected(failure);
  return (*journal)->durable();
}

// What reading takes for granted.
bool is_sound(const RepairPlan& plan) {
  const auto plain = [](const std::string& name) { return !name.contains('/'); };
  ChangeDecoder decoder(plan.changes);
  while (decoder.next() != nullptr) continue;
  return decoder.whole() && plain(plan.copy) && plain(plan.report_file) && plan.end <= plan.beyond &&
         std::ranges::all_of(plan.aside,
                             [&](const auto& move) { return plain(move.from) && plain(move.to); });
}

}  // namespace

Error repair_was_cut_off() {
  return {Code::journal_corrupt, "repair at offset 0: a repair was cut off; the next one finishes it", {}};
}

Buffer encode_plan(const Format& format, const RepairPlan& plan) {
  Buffer bytes(magic);
  FieldWriter out(bytes);
  out.varint(format_version);
  out.varint(plan.end);
  out.varint(plan.beyond);
  out.string(plan.copy);
  out.varint(plan.aside.size());
  for (const auto& [from, to] : plan.aside) {
    out.string(from);
    out.string(to);
  }
  out.string(plan.changes);
  out.string(plan.report);
  out.string(plan.report_file);
  const std::uint32_t crc = format.crc(0, bytes);
  bytes.append(reinterpret_cast<const char*>(&crc), crc_size);
  return bytes;
}

Result<std::optional<RepairPlan>> read_plan(Directory& directory, const Format& format, bool there) {
  if (!there) return std::nullopt;
  const auto bytes = read_whole(directory, plan_name);
  if (!bytes) return std::unexpected(bytes.error());
  const auto damaged = [] {
    return fail(Code::journal_corrupt, "repair at offset 0: the checksum is wrong");
  };
  if (bytes->size() < magic.size() + crc_size || !bytes->starts_with(magic)) return damaged();
  const Bytes content = Bytes(*bytes).substr(0, bytes->size() - crc_size);
  std::uint32_t crc = 0;
  std::memcpy(&crc, content.end(), crc_size);
  if (crc != format.crc(0, content)) return damaged();
  FieldReader in(content.substr(magic.size()));
  const std::uint64_t version = in.varint();
  if (version > format_version)
    return fail(Code::unsupported_format, fmt::format("repair has format version {}", version));
  RepairPlan plan;
  plan.end = in.varint();
  plan.beyond = in.varint();
  plan.copy = in.string();
  for (std::size_t left = in.count(2); left > 0; --left) {
    const Bytes from = in.string();
    plan.aside.push_back({std::string(from), std::string(in.string())});
  }
  plan.changes = in.string();
  plan.report = in.string();
  plan.report_file = in.string();
  if (!in.good() || in.left() != 0 || !is_sound(plan)) return damaged();
  return plan;
}

Result<> carry_out(const std::shared_ptr<Directory>& directory, const Format& format,
                   const RepairPlan& plan) {
  if (auto done = Carrying(*directory, format, plan).cut(); !done) return done;
  const auto durable = append(directory, format, plan);
  if (!durable) return std::unexpected(durable.error());
  if (auto done = write_whole(*directory, mark_name, encode_mark(format, *durable)); !done) return done;
  if (auto done = directory->remove(plan_name); !done) return done;
  return directory->sync();
}

}  // namespace joinery::broker::journal
