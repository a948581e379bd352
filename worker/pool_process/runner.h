// One thread's work: take a job, run its handler, report.
#pragma once

#include "shared/protocol/board.h"
#include "worker/pool_process/context.h"

namespace joinery::pool_process {

class Runner {
 public:
  Runner(Outbox& outbox, Cancellations& cancellations, pool::BoardSlot& slot, std::size_t result_max)
      : outbox_(outbox),
        cancellations_(cancellations),
        slot_(slot),
        result_max_(result_max),
        context_(outbox, cancellations) {}

  // Until the feed is closed and empty.
  void run(Feed& feed);

 private:
  void run(const Batch& batch, const pool::RunJob& job);
  void call_handler(const Batch& batch, const pool::RunJob& job);
  void succeeded(const Batch& batch, const pool::RunJob& job, Buffer result);
  // Which worker and process it was, the supervisor adds.
  void failed(const pool::RunJob& job, const Failure& failure, bool retry, Bytes value = {});

  Outbox& outbox_;
  Cancellations& cancellations_;
  pool::BoardSlot& slot_;
  const std::size_t result_max_;
  Context context_;
};

}  // namespace joinery::pool_process
