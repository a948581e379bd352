// The writing end of the socket: outcomes are collected, and go out together.
//
// Who sends them: a thread that has nothing more to run (flush), a thread that finds 64 KiB of them, or else
// the thread that reads the socket, within about a millisecond of the first. It sleeps while there is nothing
// to send, and is woken for it (send_soon) only by a thread that goes on with another job.
//
// Threads: any, but for nothing_to_send(), which is the reader's.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/protocol/pool.h"

namespace joinery::pool_process {

class Outbox {
 public:
  // `wake`: an eventfd that the reader polls.
  Outbox(int socket, int wake) : socket_(socket), wake_(wake) {}

  void succeeded(JobId job);
  void succeeded(JobId job, Bytes result);
  void add(pool::Done::One outcome);
  // The newest of a job takes the place of one that was not sent yet.
  void progress(pool::Progress progress);
  void send(const pool::Message& message);  // log, ready

  // Sends everything that was added. A supervisor that is gone is the reader's to notice.
  void flush();
  // Makes sure that what was added is sent, though this thread will be busy.
  void send_soon() {
    if (waiting_.load(std::memory_order_relaxed) && !awake_.load(std::memory_order_relaxed)) wake_reader();
  }
  // True if the reader may sleep until it is woken.
  bool nothing_to_send();

 private:
  void added(std::unique_lock<std::mutex>& lock);
  void close_frame();
  void wake_reader();
  void write(Bytes bytes);

  const int socket_;
  const int wake_;
  std::mutex mutex_;
  std::vector<pool::Progress> progress_;  // one per job; goes out before the rest
  Buffer frames_;                         // complete messages
  Buffer outcomes_;                       // of a done message that is still open
  std::uint32_t count_ = 0;               // of them
  std::atomic<bool> waiting_{false};      // there is something to send
  std::atomic<bool> awake_{false};        // the reader will look before long
  std::mutex writing_;                    // taken before mutex_
  Buffer sent_;
};

}  // namespace joinery::pool_process
