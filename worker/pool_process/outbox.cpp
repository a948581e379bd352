#include "worker/pool_process/outbox.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "shared/protocol/writer.h"

namespace joinery::pool_process {
namespace {

constexpr std::size_t full_bytes = 64U << 10U;

}  // namespace

void Outbox::succeeded(JobId job) {
  std::unique_lock lock(mutex_);
  protocol::Writer(outcomes_).u64(job);
  ++count_;
  added(lock);
}

void Outbox::succeeded(JobId job, Bytes result) {
  std::unique_lock lock(mutex_);
  protocol::Writer out(outcomes_);
  out.array(3);
  out.u64(job);
  out.u64(0);
  out.bin(result);
  ++count_;
  added(lock);
}

void Outbox::add(pool::Done::One outcome) {
  pool::Done done;
  done.outcomes.push_back(std::move(outcome));
  send(done);
}

void Outbox::progress(pool::Progress progress) {
  const std::lock_guard lock(mutex_);
  const auto old = std::ranges::find(progress_, progress.job, &pool::Progress::job);
  if (old == progress_.end()) {
    progress_.push_back(std::move(progress));
  } else {
    *old = std::move(progress);
  }
  waiting_.store(true, std::memory_order_relaxed);
}

void Outbox::send(const pool::Message& message) {
  std::unique_lock lock(mutex_);
  close_frame();
  pool::encode(message, frames_);
  added(lock);
}

void Outbox::added(std::unique_lock<std::mutex>& lock) {
  waiting_.store(true, std::memory_order_relaxed);
  const bool full = outcomes_.size() + frames_.size() >= full_bytes;
  lock.unlock();
  if (full) flush();
}

// REQUIRES: mutex_.
void Outbox::close_frame() {
  if (count_ == 0) return;
  protocol::Writer out(frames_);
  out.array(2);
  out.u64(static_cast<std::uint64_t>(pool::Type::done));
  out.array(count_);
  out.raw(outcomes_);
  outcomes_.clear();
  count_ = 0;
}

void Outbox::flush() {
  const std::lock_guard writing(writing_);
  {
    const std::lock_guard lock(mutex_);
    close_frame();
    sent_.clear();
    for (const pool::Progress& progress : progress_) pool::encode(progress, sent_);
    progress_.clear();
    if (sent_.empty()) {
      sent_.swap(frames_);
    } else {
      sent_ += std::exchange(frames_, {});
    }
    waiting_.store(false, std::memory_order_relaxed);
  }
  write(sent_);
}

bool Outbox::nothing_to_send() {
  const std::lock_guard lock(mutex_);
  const bool waiting = waiting_.load(std::memory_order_relaxed);
  awake_.store(waiting, std::memory_order_relaxed);
  return !waiting;
}

void Outbox::wake_reader() {
  const std::lock_guard lock(mutex_);
  if (!waiting_.load(std::memory_order_relaxed) || awake_.exchange(true, std::memory_order_relaxed)) return;
  eventfd_write(wake_, 1);
}

void Outbox::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      pollfd polled{socket_, POLLOUT, 0};
      ::poll(&polled, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace joinery::pool_process
