// One thread's work: take a job, run its handler, report.
#pragma once

#include "shared/protocol/board.h"
#include "worker/pool_process/job_end.h"

namespace joinery::pool_process {

class Runner {
 public:
  Runner(Outbox& outbox, Cancellations& cancellations, pool::BoardSlot& slot, std::size_t result_max)
      : outbox_(outbox),
        cancellations_(cancellations),
        slot_(slot),
        context_(outbox, cancellations),
        end_(outbox, result_max) {}

  // Until the feed is closed and empty.
  // `read`: see Feed::oldest.
  void run(Feed& feed, const std::function<bool()>& read);
  // One job of it. REQUIRES: its handler does not wait.
  void run(const Batch& batch, const pool::RunJob& job);

 private:
  void call_handler(const Batch& batch, const pool::RunJob& job);

  Outbox& outbox_;
  Cancellations& cancellations_;
  pool::BoardSlot& slot_;
  Context context_;
  JobEnd end_;
};

// Reads the clock for the board: when a job began.
Mono begin_now();
// What running a job for which there is no handler throws.
[[noreturn]] void throw_unknown_handler(const std::string& name);

}  // namespace joinery::pool_process
