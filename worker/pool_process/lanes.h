// One thread's work where handlers wait: many jobs at a time, a lane each. A job that waits gives the thread
// to the others; one whose handler does not wait has it until its end.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "worker/pool_process/runner.h"
#include "worker/waiting/strand.h"

namespace joinery::pool_process {

class Lanes {
 public:
  // A lane for each slot of the board. They must outlive it.
  Lanes(Outbox& outbox, Cancellations& cancellations, std::span<pool::BoardSlot> slots,
        std::size_t result_max);

  // Until the feed is closed and empty, and every job has ended.
  void run(Feed& feed);

  // --- From any thread ---
  // The feed has something, or is closed.
  void wake() { loop_.mailbox()->wake(); }
  // A job may have been cancelled.
  void cancelled() {
    look_ = true;
    wake();
  }

 private:
  struct Lane {
    Lane(Outbox& outbox, Cancellations& cancellations, pool::BoardSlot& board, std::size_t result_max)
        : slot(board), context(outbox, cancellations), runner(outbox, cancellations, board, result_max) {}
    pool::BoardSlot& slot;
    Context context;
    Runner runner;  // of handlers that do not wait
    std::shared_ptr<Batch> batch;
    const pool::RunJob* job = nullptr;
    std::optional<Coroutine<Buffer>> coroutine;
    std::optional<waiting::Strand> strand;
  };

  bool take_jobs(Feed& feed);
  void begin(const std::shared_ptr<Batch>& batch, const pool::RunJob& job);
  void begin_waiting(Lane& lane);
  void settle_ended();
  void settle(Lane& lane);
  void stop_cancelled();

  Outbox& outbox_;
  Cancellations& cancellations_;
  JobEnd end_;
  waiting::EventLoop loop_;  // before the lanes, whose strands know it
  std::deque<Lane> lanes_;
  std::vector<Lane*> free_;
  std::vector<Lane*> ended_;
  std::atomic<bool> look_{false};
};

}  // namespace joinery::pool_process
