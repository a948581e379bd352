#include "broker/journal/log_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "broker/journal/mark.h"
#include "shared/base/check.h"

namespace joinery::broker::journal {
namespace {
// How often a child that writes a checkpoint is looked at.
constexpr auto child_poll = std::chrono::milliseconds(10);
constexpr auto space_poll = std::chrono::milliseconds(100);
// What nobody waits for is written together: to wake the thread for each turn of the engine costs more than
// to write.
constexpr auto nap = std::chrono::milliseconds(2);
}  // namespace

LogWriter::LogWriter(Directory& directory, const Format& format, const JournalOptions& options,
                     const Listing& listing, const LogEnd& end, Fatal fatal)
    : directory_(directory),
      format_(format),
      options_(options),
      fatal_(std::move(fatal)),
      event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      durable_(end.position),
      written_(end.position),
      files_on_disk_(directory, format, listing.segments, listing.spares),
      last_checkpoint_(listing.checkpoints.empty() ? 0 : end.checkpoint),
      handed_over_(end.position) {
  JOINERY_CHECK(event_);
  look_at_space();
  if (options_.own_thread) thread_ = std::thread([this] { run(); });
}

LogWriter::~LogWriter() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  // That all of it is there is worth a sync of its name. Without it the mark before still holds.
  if (!failed_ && marked_ && durable_ == handed_over_ && durable_ > *marked_) {
    mark();
    static_cast<void>(directory_.sync());
  }
  if (job_ && job_->child > 0) {
    ::kill(job_->child, SIGKILL);
    ::waitpid(job_->child, nullptr, 0);
  }
}

void LogWriter::write(std::span<const Span> spans, bool sync) {
  bool wake = true;
  {
    const std::lock_guard lock(mutex_);
    next_.spans.insert(next_.spans.end(), spans.begin(), spans.end());
    next_.sync = next_.sync || sync;
    if (!spans.empty()) handed_over_ = spans.back().at + spans.back().size;
    wake = !napping_ || next_.urgent();
  }
  if (wake) wake_.notify_one();
  do_work_here();
}

void LogWriter::recycle(std::vector<std::uint64_t> segments) {
  {
    const std::lock_guard lock(mutex_);
    next_.recycle.insert(next_.recycle.end(), segments.begin(), segments.end());
  }
  wake_.notify_one();
  do_work_here();
}

void LogWriter::checkpoint(CheckpointJob job) {
  {
    const std::lock_guard lock(mutex_);
    next_.checkpoint = std::move(job);
  }
  wake_.notify_one();
  do_work_here();
}

void LogWriter::look_again() {
  {
    const std::lock_guard lock(mutex_);
    next_.look = true;
  }
  wake_.notify_one();
  do_work_here();
}

std::optional<CheckpointDone> LogWriter::finished_checkpoint() {
  if (!has_done_.exchange(false)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

void LogWriter::wait_written(std::uint64_t most) {
  if (!options_.own_thread) work_here();
  std::unique_lock lock(mutex_);
  next_.hurry = true;
  wake_.notify_one();
  progress_.wait(lock, [&] { return failed_ || handed_over_ <= written_ + most; });
}

bool LogWriter::wait_durable() {
  if (!options_.own_thread) work_here();
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return failed_ || handed_over_ <= durable_; });
  return !failed_;
}

// The flag is set after the descriptor and cleared after it was read, so that a flag that is set means
// something to read. durable_ is set before all of it: whoever finds the flag set and leaves it at that knows
// that durable() will be looked at after it is cleared.
void LogWriter::signal() {
  if (signalled_) return;
  const std::uint64_t one = 1;
  JOINERY_CHECK(::write(event_.get(), &one, sizeof one) == sizeof one);
  signalled_ = true;
}

void LogWriter::drain() const {
  if (!signalled_) return;
  std::uint64_t count = 0;
  JOINERY_CHECK(::read(event_.get(), &count, sizeof count) == sizeof count);
  signalled_ = false;
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  Work work;
  while (true) {
    const bool last = stop_;
    std::swap(work, next_);
    work.sync = work.sync || (last && durable_ < handed_over_);
    lock.unlock();
    const bool wrote = !work.spans.empty() && !work.sync;
    turn(work);
    work = {};
    lock.lock();
    progress_.notify_all();
    if (last) return;
    wait_for_work(lock, wrote);
  }
}

// `wrote`: the last turn had something to write.
void LogWriter::wait_for_work(std::unique_lock<std::mutex>& lock, bool wrote) {
  if (failed_) return wake_.wait(lock, [this] { return stop_; });
  if (wrote) {
    napping_ = true;
    wake_.wait_for(lock, std::min<Clock::duration>(nap, options_.interval),
                   [this] { return stop_ || next_.urgent(); });
    napping_ = false;
  }
  const auto ready = [this] { return stop_ || next_.any(); };
  if (ready()) return;
  const bool child = job_ && job_->child > 0;
  if (durable_ == written_ && !child) return wake_.wait(lock, ready);
  auto until = Clock::time_point::max();
  if (durable_ < written_) until = unsynced_since_ + options_.interval;
  if (child) until = std::min(until, Clock::now() + child_poll);
  wake_.wait_until(lock, until, ready);
}

void LogWriter::do_work_here() {
  if (options_.own_thread) return;
  if (options_.later) return options_.later([this] { work_here(); });
  work_here();
}

void LogWriter::work_here() {
  Work work;
  std::swap(work, next_);
  turn(work);
}

void LogWriter::turn(Work& work) {
  if (failed_) return;
  const auto done = try_turn(work);
  if (done) return;
  {
    const std::lock_guard lock(mutex_);
    failed_ = true;
  }
  progress_.notify_all();
  fatal_(done.error());
}

Result<> LogWriter::try_turn(Work& work) {
  if (auto done = write_spans(work); !done) return done;
  const bool unsynced = durable_ < written_;
  const bool due =
      unsynced && options_.own_thread && Clock::now() - unsynced_since_ >= Clock::duration(options_.interval);
  if (unsynced && (work.sync || due)) {
    if (auto done = sync_now(); !done) return done;
    if (!options_.repairing && (!marked_ || format_.segment_of(durable_) > format_.segment_of(*marked_)))
      mark();
  }
  if (!work.recycle.empty()) {
    if (auto done = files_on_disk_.recycle(work.recycle); !done) return done;
  }
  if (work.checkpoint) begin_checkpoint(std::move(*work.checkpoint));
  if (auto done = go_on_with_checkpoint(); !done) return done;
  look_at_space();
  return {};
}

Result<> LogWriter::write_spans(const Work& work) {
  for (const Span& span : work.spans) {
    if (durable_ == written_) unsynced_since_ = Clock::now();
    if (auto done = files_on_disk_.write(Bytes(span.data, span.size), span.at); !done) return done;
    written_ = span.at + span.size;
  }
  return {};
}

Result<> LogWriter::sync_now() {
  const Position written = written_;
  if (auto done = files_on_disk_.sync(); !done) return done;
  ++syncs_;
  {
    const std::lock_guard lock(mutex_);
    durable_ = written;
  }
  progress_.notify_all();
  signal();
  return {};
}

// One that cannot be written is given up: the one before is as true, and proves less.
void LogWriter::mark() {
  marked_ = durable_;
  static_cast<void>(write_mark(directory_, format_, durable_));
}

void LogWriter::begin_checkpoint(CheckpointJob job) {
  job_ = std::move(job);
  if (job_->child > 0) return;
  const auto write = [this]() -> Result<> {
    auto file = directory_.create(unfinished_checkpoint);
    if (!file) return std::unexpected(file.error());
    if (auto done = (*file)->write_at(job_->file, 0); !done) return done;
    return (*file)->sync();
  };
  if (!write()) end_checkpoint({job_->position, 0, true});
}

// A checkpoint that fails is given up. Only the steps that change names are fatal: after a failed sync of the
// directory it is not known which one the next start would find.
Result<> LogWriter::go_on_with_checkpoint() {
  if (!job_) return {};
  if (job_->child > 0) {
    int status = 0;
    const auto reaped = ::waitpid(job_->child, &status, WNOHANG);
    if (reaped == 0) return {};
    job_->child = -1;
    if (reaped < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      end_checkpoint({job_->position, 0, true});
      return {};
    }
  }
  // The file may not be valid before the log is durable up to its position.
  if (durable_ < job_->position) return {};
  return install_checkpoint();
}

Result<> LogWriter::install_checkpoint() {
  const Position position = job_->position;
  auto file = directory_.open(unfinished_checkpoint);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (auto done = directory_.rename(unfinished_checkpoint, checkpoint_name(position)); !done) return done;
  if (auto done = directory_.sync(); !done) return done;
  if (last_checkpoint_ != 0 && last_checkpoint_ != position) {
    if (auto done = directory_.remove(checkpoint_name(last_checkpoint_)); !done) return done;
  }
  last_checkpoint_ = position;
  end_checkpoint({position, *size, false});
  return {};
}

void LogWriter::end_checkpoint(CheckpointDone done) {
  job_.reset();
  {
    const std::lock_guard lock(mutex_);
    done_ = done;
  }
  has_done_ = true;
  signal();
}

void LogWriter::look_at_space() {
  const auto now = Clock::now();
  if (!options_.own_thread || now - space_seen_ >= space_poll || files_ != files_on_disk_.files()) {
    space_seen_ = now;
    // Without room for a segment ahead has_room refuses new jobs; there is nothing more to do about it here.
    static_cast<void>(files_on_disk_.prepare());
    free_bytes_ = directory_.free_bytes().value_or(0);
  }
  files_ = files_on_disk_.files();
  allocated_end_ = files_on_disk_.allocated_end();
}

}  // namespace joinery::broker::journal
