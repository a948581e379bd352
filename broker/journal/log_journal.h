// The Journal on segment files: encodes records into the tail, hands them to the LogWriter, and keeps the
// accounts of space.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/journal/journal.h"
#include "broker/journal/log_reader.h"
#include "broker/journal/log_writer.h"
#include "broker/journal/open_journal.h"
#include "broker/journal/recovery.h"
#include "broker/journal/segment_scan.h"
#include "broker/journal/space.h"
#include "broker/journal/tail.h"

namespace joinery::broker::journal {

class LogJournal : public Journal {
 public:
  LogJournal(std::shared_ptr<Directory> directory, const Format& format, const JournalOptions& options,
             const Listing& listing, const LogEnd& end, Fatal fatal);
  ~LogJournal() override;

  // Makes it durable that the log was cut off here: writes and syncs the record that begins a life. Once,
  // before anything else; false if it failed (and `fatal` was told why).
  bool begin();

  Appended append(std::span<const Change> changes, std::span<const std::span<const Bytes>> payloads) override;
  void commit(bool sync) override;
  Position durable() const override;
  int descriptor() const override { return writer_.descriptor(); }
  Position end() const override { return end_; }
  Result<> read(Place place, Buffer& out) override;
  void release(Place place) override;
  void retain(Place place) override;
  bool has_room(std::uint64_t bytes, std::uint64_t unfinished) override;
  bool wants_checkpoint() const override;
  void checkpoint(const std::function<void(const std::function<void(Bytes)>&)>& save) override;
  std::vector<Candidate> to_move(std::size_t most, bool busy = false) override;
  Stats stats() const override;

 private:
  // Writes a record with a body of this many bytes, which `fill` puts at the memory and position it is given.
  template <typename Fill>
  void add_record(RecordKind kind, std::size_t changes, std::size_t size, Fill fill);
  void make_room(std::size_t record);
  char* extend(std::size_t size);
  std::uint64_t count_payloads(std::span<const Change> changes);
  void copy_payloads(std::span<const Change> changes, std::span<const std::span<const Bytes>> payloads,
                     char* to, Position at);
  void close();
  void collect_checkpoint();
  void recycle_emptied();
  void recycle(std::vector<std::uint64_t> segments);
  void retry_checkpoint();
  void fork_checkpoint(const CheckpointHeader& header, const Save& save);
  bool is_crowded() const;
  bool one_can_be_emptied() const;
  void leave_segment(std::uint64_t need);
  std::uint64_t smaller_checkpoint_by() const;

  const std::shared_ptr<Directory> directory_;
  const Format format_;
  const JournalOptions options_;
  LogWriter writer_;
  LogReader reader_;
  Tail tail_;
  Space space_;

  Position end_;
  std::uint64_t sequence_;
  std::uint32_t previous_;
  std::vector<Span> group_;         // appended since the last commit
  Buffer encoded_;                  // of the record being appended; kept for its memory
  std::vector<PutPlace> puts_;      // of the last append
  std::vector<std::size_t> taken_;  // payloads of each group that its Puts have taken
  std::uint64_t payload_bytes_ = 0;

  Position checkpoint_position_;
  std::uint64_t checkpoint_bytes_;
  std::uint64_t checkpoint_payloads_ = 0;     // live when it was begun
  std::uint64_t payloads_at_checkpoint_ = 0;  // and of the one that is under way
  bool checkpoint_running_ = false;
  Position retry_checkpoint_at_ = 0;
  Position room_since_failure_ = 0;  // the least that was seen
  std::vector<std::uint64_t> freed_by_checkpoint_;
  bool crowded_ = false;       // has_room has said no
  std::uint64_t reserve_ = 0;  // for finishes and a checkpoint, when has_room was asked last

  std::optional<SegmentScan> scan_;
  std::optional<std::uint64_t> scanned_;  // the segment that was seen last, and the end of the log then
  Position scanned_at_ = 0;

  Stats stats_;
};

}  // namespace joinery::broker::journal
