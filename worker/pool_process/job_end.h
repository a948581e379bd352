// How a job's run is reported to the supervisor, by whatever ran it.
#pragma once

#include "worker/pool_process/context.h"

namespace joinery::pool_process {

class JobEnd {
 public:
  JobEnd(Outbox& outbox, std::size_t result_max) : outbox_(outbox), result_max_(result_max) {}

  // Throws UnencodableResult if the result is too large; then threw() is next.
  void returned(const Batch& batch, const pool::RunJob& job, Context& context, Buffer result);
  // Describes the exception being handled. REQUIRES: a catch block around the call.
  void threw(const Batch& batch, const pool::RunJob& job, const Context& context);
  void not_begun(JobId job, Code reason);

 private:
  // Which worker and process it was, the supervisor adds.
  void failed(JobId job, const Failure& failure, bool retry, Bytes value = {});

  Outbox& outbox_;
  const std::size_t result_max_;
};

}  // namespace joinery::pool_process
