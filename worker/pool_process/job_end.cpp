#include "worker/pool_process/job_end.h"

#include <fmt/format.h>

#include "shared/base/utf8.h"
#include "worker/handlers/failure.h"

namespace joinery::pool_process {

void JobEnd::returned(const Batch& batch, const pool::RunJob& job, Context& context, Buffer result) {
  if (result.size() > result_max_) {
    throw UnencodableResult(
        fmt::format("the result has {} bytes, expected at most {}", result.size(), result_max_));
  }
  const bool keep = batch.info.keep_result && !result.empty();
  if (!context.children().empty()) {
    pool::Done::One outcome;
    outcome.job = job.token.job;
    if (keep) outcome.result = result;
    outcome.children = std::move(context.children());
    outbox_.add(std::move(outcome));
  } else if (keep) {
    outbox_.succeeded(job.token.job, result);
  } else {
    outbox_.succeeded(job.token.job);
  }
}

void JobEnd::threw(const Batch& batch, const pool::RunJob& job, const Context& context) {
  auto [failure, retry, value] = handlers::describe_current_exception();
  // A handler that ends early because it was asked to has failed for that reason, however it says so.
  const auto stopped = context.stopped();
  if (stopped && retry) {
    failure.code = *stopped;
    retry = may_retry(*stopped);
  }
  const bool keep = batch.info.keep_result && value.size() <= result_max_;
  failed(job.token.job, failure, retry, keep ? Bytes(value) : Bytes());
}

void JobEnd::not_begun(JobId job, Code reason) {
  Failure failure;
  failure.code = reason;
  failure.message = fmt::format("{} before it began", word(reason));
  failed(job, failure, may_retry(reason));
}

void JobEnd::failed(JobId job, const Failure& failure, bool retry, Bytes value) {
  pool::Done::One outcome;
  outcome.job = job;
  outcome.ok = false;
  outcome.result = value;
  outcome.failure.code = failure.code;
  outcome.failure.type = readable(failure.type);
  outcome.failure.message = readable(failure.message);
  outcome.retry = retry;
  outbox_.add(std::move(outcome));
}

}  // namespace joinery::pool_process
