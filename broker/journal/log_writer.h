// The thread that writes and syncs the log, finishes checkpoints and keeps segments ready. The engine hands
// it work and reads what has become durable; it never waits for it, except when the disk is so slow that
// memory would run out.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "broker/journal/checkpoint.h"
#include "broker/journal/open_journal.h"
#include "broker/journal/recovery.h"
#include "broker/journal/segment_files.h"
#include "shared/base/unique_fd.h"

namespace joinery::broker::journal {

// Appended bytes, which stay where they are until they are written.
struct Span {
  const char* data = nullptr;
  std::size_t size = 0;
  Position at = 0;
};

// A checkpoint to make durable: its file's bytes, or the child that writes it.
struct CheckpointJob {
  Position position = 0;
  Buffer file;
  int child = -1;
};
struct CheckpointDone {
  Position position = 0;
  std::uint64_t bytes = 0;
  bool failed = false;
};

class LogWriter {
 public:
  LogWriter(Directory& directory, const Format& format, const JournalOptions& options, const Listing& listing,
            const LogEnd& end, Fatal fatal);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // For the engine's thread.
  void write(std::span<const Span> spans, bool sync);
  void recycle(std::vector<std::uint64_t> segments);
  void checkpoint(CheckpointJob job);
  std::optional<CheckpointDone> finished_checkpoint();
  // Asks how much room there is, which is known soon after.
  void look_again();
  // Waits until all but `most` bytes of what was handed over is written.
  void wait_written(std::uint64_t most);
  // Waits until everything handed over is durable; false if the journal has failed.
  bool wait_durable();

  Position durable() const { return durable_.load(); }
  Position written() const { return written_.load(); }
  int descriptor() const { return event_.get(); }
  void drain() const;
  // Where the log would end without another byte of the disk's.
  Position allocated_end() const { return allocated_end_.load(); }
  // Where it would end if the disk were full of it.
  Position room_end() const { return allocated_end_.load() + free_bytes_.load(); }
  std::uint64_t files() const { return files_.load(); }
  std::uint64_t syncs() const { return syncs_.load(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Work {
    std::vector<Span> spans;
    std::vector<std::uint64_t> recycle;
    std::optional<CheckpointJob> checkpoint;
    bool sync = false;
    bool look = false;   // at the room, though there is nothing else to do
    bool hurry = false;  // somebody waits for it
    bool urgent() const { return !recycle.empty() || checkpoint || sync || look || hurry; }
    bool any() const { return !spans.empty() || urgent(); }
  };

  void run();
  void wait_for_work(std::unique_lock<std::mutex>& lock, bool wrote);
  void do_work_here();  // without a thread of our own
  void work_here();
  // One turn, without the lock.
  void turn(Work& work);
  Result<> try_turn(Work& work);
  Result<> write_spans(const Work& work);
  Result<> sync_now();
  void begin_checkpoint(CheckpointJob job);
  Result<> go_on_with_checkpoint();
  Result<> install_checkpoint();
  void end_checkpoint(CheckpointDone done);
  void look_at_space();
  void mark();
  void signal();

  Directory& directory_;
  const Format& format_;
  const JournalOptions options_;
  Fatal fatal_;
  unique_fd event_;
  mutable std::atomic<bool> signalled_ = false;
  std::atomic<Position> durable_, written_, allocated_end_ = 0;
  std::atomic<std::uint64_t> free_bytes_ = 0, files_ = 0, syncs_ = 0;
  std::atomic<bool> failed_ = false;

  // The sync thread's own.
  SegmentFiles files_on_disk_;
  Clock::time_point unsynced_since_, space_seen_;
  std::optional<CheckpointJob> job_;
  Position last_checkpoint_;
  std::optional<Position> marked_;  // in this life

  std::mutex mutex_;  // for what follows
  std::condition_variable wake_, progress_;
  Work next_;
  Position handed_over_;
  bool napping_ = false;  // the thread looks for work by itself before long
  bool stop_ = false;
  std::optional<CheckpointDone> done_;
  std::atomic<bool> has_done_ = false;

  std::thread thread_;
};

}  // namespace joinery::broker::journal
