#include "broker/journal/log_journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "broker/journal/change_codec.h"
#include "broker/journal/checkpoint.h"
#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {

// What may wait in memory for a slow disk before append waits for it.
constexpr std::uint64_t unwritten_max = std::uint64_t{256} << 20U;
// What the reserve counts for each unfinished job: its finish in a record of its own, and its part of a
// checkpoint.
constexpr std::uint64_t finish_bytes = 64;
constexpr std::uint64_t state_bytes = 100;
// What it costs a checkpoint to look at a job, as so many bytes of the log that would be read at a start.
constexpr std::uint64_t look_bytes = 50;

std::uint64_t with_gaps(std::uint64_t bytes) { return bytes + bytes / 8; }

}  // namespace

LogJournal::LogJournal(std::shared_ptr<Directory> directory, const Format& format,
                       const JournalOptions& options, const Listing& listing, const LogEnd& end, Fatal fatal)
    : directory_(std::move(directory)),
      format_(format),
      options_(options),
      writer_(*directory_, format_, options_, listing, end, std::move(fatal)),
      reader_(*directory_, format_),
      tail_(options.tail_bytes),
      space_(format_, listing.segments, end.position),
      end_(end.position),
      sequence_(end.sequence),
      previous_(end.previous),
      checkpoint_position_(end.checkpoint),
      checkpoint_bytes_(end.checkpoint_bytes) {}

LogJournal::~LogJournal() { close(); }

bool LogJournal::begin() {
  add_record(RecordKind::open, 0, 0, [](char*, Position) {});
  commit(true);
  return writer_.wait_durable();
}

// Everything durable first, then the record that says so.
void LogJournal::close() {
  commit(true);
  if (!writer_.wait_durable()) return;
  add_record(RecordKind::close, 0, 0, [](char*, Position) {});
  commit(true);
  writer_.wait_durable();
}

Appended LogJournal::append(std::span<const Change> changes,
                            std::span<const std::span<const Bytes>> payloads) {
  encoded_.clear();
  encode_changes(changes, encoded_);
  const std::uint64_t payload_count = count_payloads(changes);
  const std::size_t size = encoded_.size() + payload_bytes_;
  JOINERY_CHECK(record_size(size) <= options_.record_bytes_max);
  add_record(RecordKind::changes, encoded_.size(), size, [&](char* to, Position at) {
    std::memcpy(to, encoded_.data(), encoded_.size());
    copy_payloads(changes, payloads, to + encoded_.size(), at + encoded_.size());
    space_.add(at, payload_count, payload_bytes_);
  });
  if (end_ > writer_.written() + unwritten_max) {
    commit(false);
    writer_.wait_written(unwritten_max / 2);
  }
  return {end_, puts_};
}

// Counts those that take space, and sums their bytes.
std::uint64_t LogJournal::count_payloads(std::span<const Change> changes) {
  payload_bytes_ = 0;
  std::uint64_t count = 0;
  for (const Change& change : changes) {
    payload_bytes_ += payload_bytes(change);
    if (const auto* put = std::get_if<change::Put>(&change)) {
      count +=
          static_cast<std::uint64_t>(std::ranges::count_if(put->sizes, [](auto size) { return size > 0; }));
    } else if (const auto* move = std::get_if<change::Move>(&change)) {
      count += move->size > 0 ? 1 : 0;
    }
  }
  return count;
}

void LogJournal::copy_payloads(std::span<const Change> changes,
                               std::span<const std::span<const Bytes>> payloads, char* to, Position at) {
  puts_.clear();
  taken_.assign(payloads.size(), 0);
  const auto copy = [&](std::uint32_t group, std::uint32_t size) {
    JOINERY_CHECK(group < payloads.size() && taken_[group] < payloads[group].size());
    const Bytes payload = payloads[group][taken_[group]++];
    JOINERY_CHECK(payload.size() == size);
    if (size > 0) std::memcpy(to, payload.data(), size);
    to += size;
    at += size;
  };
  for (const Change& change : changes) {
    if (const auto* put = std::get_if<change::Put>(&change)) {
      puts_.push_back({put->first, put->count, at});
      for (const std::uint32_t size : put->sizes) copy(put->group, size);
    } else if (const auto* move = std::get_if<change::Move>(&change)) {
      puts_.push_back({move->job, 1, at});
      copy(0, move->size);
    }
  }
}

template <typename Fill>
void LogJournal::add_record(RecordKind kind, std::size_t changes, std::size_t size, Fill fill) {
  const std::size_t whole = record_size(size);
  make_room(whole);
  RecordHeader header;
  header.size = static_cast<std::uint32_t>(size);
  header.changes = static_cast<std::uint32_t>(changes);
  header.previous = previous_;
  header.sequence = sequence_++;
  header.durable = writer_.durable();
  header.kind = kind;
  const Position at = end_;
  char* record = extend(whole);
  fill(record + record_header_size, at + record_header_size);
  format_.finish_record(record, header, at);
  previous_ = header.crc;
  stats_.appended_bytes += whole;
  ++stats_.records;
}

void LogJournal::make_room(std::size_t record) {
  if (format_.left(end_) >= record) return;
  if (format_.left(end_) >= record_header_size) {
    add_record(RecordKind::seal, 0, 0, [](char*, Position) {});
  }
  if (format_.offset_of(end_) != 0) end_ += format_.left(end_);
}

// The memory of the next bytes of the log, which become part of the group. A span stays within its segment.
char* LogJournal::extend(std::size_t size) {
  char* memory = tail_.extend(end_, size, writer_.written());
  const auto goes_on = [&](const Span& span) {
    return span.data + span.size == memory && span.at + span.size == end_ && format_.offset_of(end_) != 0;
  };
  if (!group_.empty() && goes_on(group_.back())) {
    group_.back().size += size;
  } else {
    group_.push_back({memory, size, end_});
  }
  end_ += size;
  return memory;
}

void LogJournal::commit(bool sync) {
  collect_checkpoint();
  recycle_emptied();
  if (group_.empty() && !(sync && writer_.durable() < end_)) return;
  writer_.write(group_, sync);
  group_.clear();
}

Position LogJournal::durable() const {
  writer_.drain();
  return writer_.durable();
}

Result<> LogJournal::read(Place place, Buffer& out) {
  if (place.size == 0) return {};
  if (const char* bytes = tail_.find(place.position, place.size)) {
    out.append(bytes, place.size);
    return {};
  }
  return reader_.read(place, writer_.written(), out);
}

void LogJournal::release(Place place) {
  if (place.size > 0) space_.remove(place.position, place.size, end_);
}

void LogJournal::retain(Place place) {
  if (place.size > 0) space_.retain(place.position, place.size);
}

bool LogJournal::has_room(std::uint64_t bytes, std::uint64_t unfinished) {
  collect_checkpoint();
  reserve_ = unfinished * finish_bytes + std::max(checkpoint_bytes_, unfinished * state_bytes);
  // What does not fit at the end of a segment is left empty, once per segment.
  const std::uint64_t need = with_gaps(bytes) + record_header_size + reserve_ + format_.segment_bytes();
  if (crowded_) writer_.look_again();  // others may have left
  room_since_failure_ = std::min(room_since_failure_, writer_.room_end());
  crowded_ = writer_.room_end() < end_ + need;
  if (crowded_) leave_segment(need);
  return !crowded_;
}

// What has ended in the segment that is written to gives its space back only when the log goes on in the next
// one, and on a full disk no put comes that would bring it there. Left is it if that makes room in the end
// for `need`; until then finishes keep their reserve.
void LogJournal::leave_segment(std::uint64_t need) {
  if (format_.offset_of(end_) == 0) return;
  const std::uint64_t segment = format_.segment_of(end_);
  const Position next = format_.start_of(segment + 1);
  const std::uint64_t moves = with_gaps(space_.live_in(segment));
  // Only what is allocated already: others may take the rest of the disk before the log is there.
  const bool next_fits =
      writer_.allocated_end() >= next + std::max(format_.segment_bytes(), moves + reserve_);
  if (next_fits && writer_.room_end() + format_.segment_bytes() >= next + moves + need) {
    make_room(format_.segment_bytes());
  }
}

// A checkpoint pays when it saves reading as much log, or gives back as much space, as it costs, be it that
// of segments or, after a backlog was worked off, that of the last one; and, when the disk is nearly full,
// whenever it gives anything back. Space is worth one sooner than reading is: jobs that come and go free each
// segment a little after it is full, and one checkpoint then does for both.
bool LogJournal::wants_checkpoint() const {
  if (checkpoint_running_ || end_ <= checkpoint_position_) return false;
  if (end_ < retry_checkpoint_at_ && writer_.room_end() <= room_since_failure_) return false;
  const std::uint64_t cost = std::max(checkpoint_bytes_, space_.live_payloads() * look_bytes);
  if (end_ - checkpoint_position_ >= std::max(options_.checkpoint_bytes, cost)) return true;
  const std::uint64_t free = space_.empty_before(end_).size() * format_.segment_bytes();
  if (free >= std::max(options_.checkpoint_bytes / 2, cost) || (crowded_ && free > 0)) return true;
  const std::uint64_t less = smaller_checkpoint_by();
  return less > 0 && less >= std::max(options_.checkpoint_bytes / 8, checkpoint_bytes_ - less);
}

// An estimate, by how many of its jobs are gone. None for one that was just written.
std::uint64_t LogJournal::smaller_checkpoint_by() const {
  const std::uint64_t live = space_.live_payloads();
  if (live >= checkpoint_payloads_) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(checkpoint_bytes_) *
                                    static_cast<double>(checkpoint_payloads_ - live) /
                                    static_cast<double>(checkpoint_payloads_));
}

void LogJournal::checkpoint(const Save& save) {
  collect_checkpoint();
  if (checkpoint_running_) return;
  commit(true);
  checkpoint_running_ = true;
  payloads_at_checkpoint_ = space_.live_payloads();
  freed_by_checkpoint_ = space_.empty_before(end_);
  if (!scan_) space_.has_moved(end_);
  const CheckpointHeader header{previous_, end_, sequence_};
  const std::uint64_t expected = std::max(checkpoint_bytes_, space_.live_payloads() * state_bytes);
  if (expected > options_.fork_bytes && directory_->shared_with_children()) {
    fork_checkpoint(header, save);
    return;
  }
  CheckpointJob job{end_, {}, -1};
  encode_checkpoint(format_, header, save, [&job](Bytes bytes) { job.file.append(bytes); });
  writer_.checkpoint(std::move(job));
}

void LogJournal::fork_checkpoint(const CheckpointHeader& header, const Save& save) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    // Nothing of ours but memory from here: docs/journal.md, "Checkpoints".
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_DFL);
    ::close_range(STDERR_FILENO + 1, UINT_MAX, 0);
    ::_exit(write_checkpoint(*directory_, format_, header, save) ? 0 : 1);
  }
  if (child < 0) {
    checkpoint_running_ = false;
    return retry_checkpoint();
  }
  writer_.checkpoint({end_, {}, child});
}

// On a full disk nothing more is written that could bring the next try, so that more room brings it too.
void LogJournal::retry_checkpoint() {
  retry_checkpoint_at_ = end_ + options_.checkpoint_bytes / 4;
  room_since_failure_ = writer_.room_end();
}

void LogJournal::collect_checkpoint() {
  const auto done = writer_.finished_checkpoint();
  if (!done) return;
  checkpoint_running_ = false;
  if (done->failed) return retry_checkpoint();
  checkpoint_position_ = done->position;
  checkpoint_bytes_ = done->bytes;
  checkpoint_payloads_ = payloads_at_checkpoint_;
  ++stats_.checkpoints;
  recycle(std::exchange(freed_by_checkpoint_, {}));
}

// No start reads segments that end before the checkpoint, but for the payloads that are left; and that these
// have no more is durable. So a backlog that is worked off gives its space back without a checkpoint of all
// that is left of it. What was moved away, or may have been in an earlier life, waits for a checkpoint behind
// the moves: a repair may cut off where it went.
void LogJournal::recycle_emptied() {
  recycle(space_.emptied_before(checkpoint_position_, writer_.durable()));
}

void LogJournal::recycle(std::vector<std::uint64_t> segments) {
  if (segments.empty()) return;
  for (const std::uint64_t segment : segments) {
    if (scan_ && scan_->segment() == segment) scan_.reset();
    std::erase(freed_by_checkpoint_, segment);
    reader_.forget(segment);
    space_.forget(segment);
  }
  writer_.recycle(std::move(segments));
}

bool LogJournal::is_crowded() const {
  if (crowded_) return one_can_be_emptied();
  const std::uint64_t most = 2 * space_.live_bytes() + 2 * format_.segment_bytes();
  const auto bytes = [&](std::uint64_t files) { return files * format_.segment_bytes(); };
  if (bytes(writer_.files()) <= most) return false;
  // Those that are empty already wait for a checkpoint only.
  return bytes(writer_.files() - std::min(writer_.files(), space_.empty_before(end_).size())) > most;
}

// On a full disk each file counts; one after the other, because a move takes room before it gives some back:
// room that is allocated, for others may take what the disk has left meanwhile.
bool LogJournal::one_can_be_emptied() const {
  const auto segment = space_.sparsest_before(writer_.written());
  if (!segment || checkpoint_running_ || !space_.empty_before(end_).empty()) return false;
  return writer_.allocated_end() >= end_ + with_gaps(space_.live_in(*segment)) + reserve_;
}

std::vector<Journal::Candidate> LogJournal::to_move(std::size_t most, bool busy) {
  collect_checkpoint();
  if (!scan_) {
    if (!is_crowded()) return {};
    const auto segment = space_.sparsest_before(writer_.written());
    if (!segment) return {};
    const Position left = format_.start_of(*segment + 1);
    if (busy && !crowded_ && end_ < left + format_.segment_bytes() / 4) return {};
    // Once through is enough, unless much has happened since.
    if (segment == scanned_ && end_ < scanned_at_ + format_.segment_bytes()) return {};
    auto file = directory_->open(segment_name(*segment));
    if (!file) return {};
    scan_.emplace(std::move(*file), format_, *segment);
    scanned_ = segment;
    space_.moves(*segment);
    scanned_at_ = end_;
  }
  auto candidates = scan_->next(most);
  if (scan_->finished()) scan_.reset();
  return candidates;
}

Journal::Stats LogJournal::stats() const {
  Stats stats = stats_;
  stats.live_bytes = space_.live_bytes();
  stats.disk_bytes = writer_.files() * format_.segment_bytes() + checkpoint_bytes_;
  stats.syncs = writer_.syncs();
  return stats;
}

}  // namespace joinery::broker::journal
